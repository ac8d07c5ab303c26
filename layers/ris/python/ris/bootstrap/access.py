"""Composition of the access context: sessions, accounts, audit, and the two doors. Nothing is reached before it is used."""

from __future__ import annotations

import functools
import os
import secrets
from datetime import timedelta

from ris.application.access.ports import AccessServices, IdentityProvider
from ris.bootstrap.dispatch import client, table
from ris.domain.access.session import SessionLimits


@functools.cache
def access_services() -> AccessServices:
    """Return the access ports of this function's environment.

    Reads `TABLE_SESSIONS TABLE_AUDIT TABLE_REFERENCE`, `OIDC_URL OIDC_SECRET_ARN`, `PSC_URL PSC_SECRET_ARN` (a door without URL is
    closed) and `SESSION_IDLE_MINUTES` (30 when absent).
    """
    from ris.adapters.access.dynamodb import DynamoAuditTrail, DynamoSessionStore
    from ris.adapters.reference.dynamodb import DynamoAccountBook

    return AccessServices(
        sessions=DynamoSessionStore(table("SESSIONS")),
        accounts=DynamoAccountBook(table("REFERENCE")),
        audit=DynamoAuditTrail(table("AUDIT")),
        new_token=new_token,
        providers=_providers(),
        limits=SessionLimits(idle=timedelta(minutes=int(os.environ.get("SESSION_IDLE_MINUTES") or 30))),
    )


def new_token() -> str:
    """Return 256 random bits as 43 characters of base64url."""
    return secrets.token_urlsafe(32)


def _providers() -> dict[str, IdentityProvider]:
    from ris.adapters.access.oidc import group_settings, psc_settings
    from ris.adapters.access.provider import ConfiguredProvider

    doors = (("group", "OIDC", group_settings), ("psc", "PSC", psc_settings))
    return {
        provider: ConfiguredProvider(
            os.environ[f"{word}_URL"], make_settings, functools.partial(_secret, os.environ[f"{word}_SECRET_ARN"])
        )
        for provider, word, make_settings in doors
        if os.environ.get(f"{word}_URL")
    }


def _secret(arn: str) -> str:
    from ris.adapters.dynamodb import by_who_must_act

    with by_who_must_act():
        return str(client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
