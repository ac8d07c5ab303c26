"""A browser comes back from a provider: open a session, or say why not."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ris.application.access.begin_login import fingerprint
from ris.application.access.ports import AccessServices, Identified
from ris.application.access.record_audit import record_audit
from ris.domain.access.audit import Visit
from ris.domain.access.session import Account, PendingLogin, Session
from ris.domain.errors import InvalidInput, NotAllowed, RisError

_MOST_STATES = 4


@dataclass(frozen=True)
class FinishedLogin:
    """The open session.

    Args:
        session_token: Value of the session cookie, 43 characters; stored nowhere.
        return_to: Local path the browser wanted.
    """

    session_token: str
    session: Session
    return_to: str


def finish_login(
    s: AccessServices,
    provider: str,
    parameters: Mapping[str, Sequence[str]],
    *,
    login_cookie: str,
    now: datetime,
    source_ip: str = "",
) -> FinishedLogin:
    """Consume the state, identify the person, open the session; each outcome leaves an audit record.

    Args:
        provider: The door whose callback was called.
        parameters: The query as received, every value of every name.
        login_cookie: Value of the login cookie, empty when there was none.

    Raises:
        InvalidInput: `repeated_parameter` or `missing_parameter`.
        NotAllowed: `unknown_state`, `login_expired`, `other_browser`, `other_provider`, `provider_refused`, `unknown_account`,
            `no_role`, or what the provider's answer failed at.
        RemoteRejected: The provider refused the code.
        RemoteUnavailable: The provider cannot be reached; the person starts again.
    """
    pending = _consume(s, parameters)
    visit = Visit("login", source_ip=source_ip)
    try:
        _check(pending, parameters, provider=provider, login_cookie=login_cookie, now=now)
        assert pending is not None
        who = s.providers[provider].identify(
            code=_one(parameters, "code"),
            redirect_uri=pending.redirect_uri,
            code_verifier=pending.code_verifier,
            nonce=pending.nonce,
            issuer=_optional(parameters, "iss"),
            now=now,
        )
        account = _account(s, provider, who)
    except RisError as error:
        record_audit(s, None, visit, result="refused", code=error.code, now=now)
        raise
    token, session = _open(s, provider, who, account, now)
    record_audit(s, session, visit, result="allowed", now=now)
    return FinishedLogin(token, session, pending.return_to)


def _consume(s: AccessServices, parameters: Mapping[str, Sequence[str]]) -> PendingLogin | None:
    """Consume every state the callback names, so that none of them can be tried again; return the only one."""
    found = [s.sessions.consume(fingerprint(state)) for state in list(parameters.get("state", ()))[:_MOST_STATES]]
    return found[0] if len(found) == 1 else None


def _check(
    pending: PendingLogin | None, parameters: Mapping[str, Sequence[str]], *, provider: str, login_cookie: str, now: datetime
) -> None:
    repeated = sorted(name for name, values in parameters.items() if len(values) > 1)
    if repeated:
        raise InvalidInput("repeated_parameter", field=repeated[0] if repeated[0].isidentifier() else "")
    _one(parameters, "state")
    if pending is None:
        raise NotAllowed("unknown_state")
    if now >= pending.expires_at:
        raise NotAllowed("login_expired")
    if pending.provider != provider:
        raise NotAllowed("other_provider")
    if not login_cookie or not hmac.compare_digest(fingerprint(login_cookie), pending.browser_id):
        raise NotAllowed("other_browser")
    if "error" in parameters:
        raise NotAllowed("provider_refused")


def _one(parameters: Mapping[str, Sequence[str]], name: str) -> str:
    values = parameters.get(name, ())
    if len(values) != 1 or not values[0]:
        raise InvalidInput("missing_parameter", field=name)
    return values[0]


def _optional(parameters: Mapping[str, Sequence[str]], name: str) -> str:
    values = parameters.get(name, ())
    return values[0] if values else ""


def _account(s: AccessServices, provider: str, who: Identified) -> Account:
    account = s.accounts.by_login(provider, who.subject)
    if account is None:
        raise NotAllowed("unknown_account", detail="the person is identified; no account of the group is linked to them yet")
    if not any(account.roles.values()):
        raise NotAllowed("no_role", detail=f"account {account.account_id} holds no role at any site")
    return account


def _open(s: AccessServices, provider: str, who: Identified, account: Account, now: datetime) -> tuple[str, Session]:
    token = s.new_token()
    session = Session(
        session_id=fingerprint(token),
        account_id=account.account_id,
        name=account.name,
        roles=account.roles,
        rights=account.rights,
        provider=provider,
        csrf_token=s.new_token(),
        created_at=now,
        last_seen_at=now,
        expires_at=now + s.limits.life(provider),
        rpps=account.rpps,
        psc=who.psc,
        id_token=who.id_token,
    )
    s.sessions.create(session)
    return token, session
