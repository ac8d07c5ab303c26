"""The DMP by legal entity: its certificates from Secrets Manager, its signing key in KMS."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from cryptography import x509
from cryptography.x509.oid import NameOID

from ris.adapters.dispatch.dmp.client import DmpSoap, SigningIdentity
from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.adapters.keys.client_tls import client_context
from ris.adapters.keys.kms_rsa import KmsRsaPrivateKey
from ris.adapters.secret import secret_text
from ris.application.dispatch.dmp_port import StrangeAnswers
from ris.domain.errors import Refused

Kept = TypeVar("Kept")
KEPT_S = 300.0
"""Seconds for which keys and certificates are kept: a renewed certificate is taken up within that time."""


@dataclass
class KeysOfLegalEntities:
    """Implements `DmpAccess`.

    Args:
        settings: Of the environment; an empty address means that nobody has a certificate for it yet.
        secrets: `boto3.client("secretsmanager")`; `kms` likewise.
        secret_prefix: `{prefix}/legal-entity/{finess_ej}/dmp` and `…/sign-certificate` are the names of the secrets.
        key_alias_prefix: `{prefix}{finess_ej}` is the alias of the SIGN key.
        new_id: Returns a fresh UUID text at each call.
        strange: Where answers are kept that cannot be believed.
        monotonic: Seconds of a clock that never goes back.
    """

    settings: DmpSettings | None
    secrets: Any
    kms: Any
    secret_prefix: str
    key_alias_prefix: str
    new_id: Callable[[], str]
    monotonic: Callable[[], float] = time.monotonic
    strange: StrangeAnswers | None = None
    _kept: dict[tuple[str, str], tuple[float, Any]] = field(default_factory=dict)

    def record(self, legal_entity: str) -> DmpSoap:
        """See the port."""
        return self._keep("record", legal_entity, self._record)

    def structure(self, legal_entity: str) -> str:
        """See the port."""
        (unit,) = self._certificate(legal_entity).subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)[:1] or (None,)
        return str(unit.value) if unit is not None else ""

    def _record(self, legal_entity: str) -> DmpSoap:
        if self.settings is None:
            raise Refused("dmp_not_configured")
        client = self._secret(legal_entity, "dmp")
        chain = client.get("chain_pem", "")
        tls = client_context(
            certificate_pem=client["certificate_pem"] + "\n" + chain,
            key_pem=client["key_pem"],
            ca_pem=client.get("ca_pem") or chain,
        )
        key = KmsRsaPrivateKey(self.kms, f"{self.key_alias_prefix}{legal_entity}")
        return DmpSoap(self.settings, tls, SigningIdentity(key, self._certificate(legal_entity)), self.new_id, self.strange)

    def _certificate(self, legal_entity: str) -> x509.Certificate:
        return self._keep("certificate", legal_entity, self._read_certificate)

    def _read_certificate(self, legal_entity: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self._secret(legal_entity, "sign-certificate")["certificate_pem"].encode())

    def _secret(self, legal_entity: str, name: str) -> dict[str, str]:
        """Return one secret of a legal entity.

        Raises:
            Refused: `dmp_not_configured`: there is none, or nothing was put in yet.
        """
        try:
            content = json.loads(secret_text(self.secrets, f"{self.secret_prefix}/legal-entity/{legal_entity}/{name}"))
        except (LookupError, ValueError):
            content = {}
        if not isinstance(content, dict) or not content.get("certificate_pem"):
            raise Refused("dmp_not_configured", field=name)
        return content

    def _keep(self, kind: str, legal_entity: str, make: Callable[[str], Kept]) -> Kept:
        until, value = self._kept.get((kind, legal_entity), (0.0, None))
        if value is None or until <= self.monotonic():
            value = make(legal_entity)
            self._kept[(kind, legal_entity)] = (self.monotonic() + KEPT_S, value)
        return cast(Kept, value)
