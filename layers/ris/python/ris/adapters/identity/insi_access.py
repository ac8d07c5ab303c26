"""INSi with the certificates of the group's legal entities, out of Secrets Manager.

A secret is `{prefix}/legal-entity/{finess_ej}/insi-manu` (a person asks) or `…/insi-auto` (a machine does): JSON with `certificate_pem`,
`key_pem` and `chain_pem`, which is also what INSi's own certificate must descend from where there is no `ca_pem`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ris.adapters.identity.insi_soap import InsiSettings, InsiSoap
from ris.adapters.keys.client_tls import client_context
from ris.adapters.secret import secret_text
from ris.application.identity.insi_port import IdentityService
from ris.application.reference import Site
from ris.contracts.identity import InsiSettingsText
from ris.domain.errors import RemoteRejected

KEPT_S = 300.0
"""Seconds a certificate is kept in a warm function: a renewed one is taken up within that time."""


class CertifiedInsi:
    """Implements `InsiAccess`.

    Args:
        url: Of INSi.
        said: The environment's settings.
        secrets: `boto3.client("secretsmanager")`.
        prefix: Of the secrets' names.
        new_id: Returns a fresh UUID text at each call.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        *,
        url: str,
        said: InsiSettingsText,
        secrets: Any,
        prefix: str,
        new_id: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._said, self._secrets, self._prefix = url, said, secrets, prefix
        self._new_id, self._clock = new_id, clock
        self._kept: dict[tuple[str, bool], tuple[float, InsiSoap]] = {}

    def of(self, site: Site, *, by_person: bool) -> IdentityService:
        """See the port."""
        key = (site.legal_entity, by_person)
        until, service = self._kept.get(key, (0.0, None))
        if service is None or until <= self._clock():
            service = self._made(site.legal_entity, by_person=by_person)
            self._kept[key] = (self._clock() + KEPT_S, service)
        return service

    def _made(self, legal_entity: str, *, by_person: bool) -> InsiSoap:
        if not self._url or not self._said.idam:
            raise RemoteRejected("insi_not_configured")
        name = f"{self._prefix}/legal-entity/{legal_entity}/{'insi-manu' if by_person else 'insi-auto'}"
        certificate, key, chain = self._secret(name)
        try:
            context = client_context(certificate_pem=certificate, key_pem=key, ca_pem=chain)
        except (ValueError, OSError):
            raise RemoteRejected("insi_certificate_unusable") from None
        settings = InsiSettings(
            url=self._url,
            idam=self._said.idam,
            software=self._said.software,
            version=self._said.version,
            instance=self._said.instance,
            emetteur=self._said.emetteur.get(legal_entity) or organisational_unit(certificate),
            oid_mapping=self._said.oid_mapping,
            connect_timeout_s=self._said.connect_timeout_s,
            read_timeout_s=self._said.read_timeout_s,
        )
        return InsiSoap(settings, tls_manual=context, tls_automatic=context, new_id=self._new_id)

    def _secret(self, name: str) -> tuple[str, str, str]:
        """Return certificate, key and what INSi's certificate must descend from.

        Raises:
            RemoteRejected: `insi_certificate_missing`: nobody has put one in yet.
        """
        try:
            kept = json.loads(secret_text(self._secrets, name))
            return str(kept["certificate_pem"]), str(kept["key_pem"]), str(kept.get("ca_pem") or kept.get("chain_pem", ""))
        except (ValueError, LookupError, TypeError):
            raise RemoteRejected("insi_certificate_missing") from None


def organisational_unit(certificate_pem: str) -> str:
    """Return the OU of a certificate: what INSi wants as Emetteur.

    Raises:
        RemoteRejected: `insi_certificate_unusable`.
    """
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    try:
        subject = x509.load_pem_x509_certificate(certificate_pem.encode()).subject
        return str(subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)[0].value)
    except (ValueError, IndexError):
        raise RemoteRejected("insi_certificate_unusable") from None
