"""Composition of what watches over the rest: the audit chain and the certificates."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ris.bootstrap.dispatch import client, table

if TYPE_CHECKING:
    from ris.application.access.chain_ports import ChainServices
    from ris.application.access.watch_certificates import CertificateRegister, CertificateServices
    from ris.application.reference import ReferenceBook


@functools.cache
def chain_services() -> ChainServices:
    """Return the ports of the audit chain: `TABLE_AUDIT`, `BUCKET_DOCUMENTS`, `AUDIT_KEY_ID`."""
    from ris.adapters.access.chain import DynamoSealStore, KmsAnchorKey, S3AnchorVault
    from ris.adapters.access.dynamodb import DynamoAuditTrail
    from ris.application.access.chain_ports import ChainServices

    return ChainServices(
        trail=DynamoAuditTrail(table("AUDIT")),
        seals=DynamoSealStore(table("AUDIT")),
        vault=S3AnchorVault(client("s3"), os.environ.get("BUCKET_DOCUMENTS", "")),
        key=KmsAnchorKey(functools.partial(client, "kms"), os.environ.get("AUDIT_KEY_ID", "")),
    )


def chained_sites() -> list[str]:
    """Return every site of the tenant, and the one of records that name none."""
    from ris.domain.access.audit import NO_SITE

    return [*(site.site for site in _book().sites()), NO_SITE]


@functools.cache
def certificate_services() -> CertificateServices:
    """Return the ports of watching certificates: `TABLE_REFERENCE`, `TABLE_MESSAGES`, `SECRET_PREFIX`."""
    from ris.adapters.access.certificates import SecretsCertificateVault
    from ris.application.access.watch_certificates import CertificateServices

    return CertificateServices(
        vault=SecretsCertificateVault(client("secretsmanager"), os.environ.get("SECRET_PREFIX", "")),
        entities=_SitesEntities(_book()),
        register=certificate_register(),
        shared=("group-provider", "pro-sante-connect"),
    )


def certificate_register() -> CertificateRegister:
    """Return where what the last watch found is kept."""
    from ris.adapters.access.certificate_register import DynamoCertificateRegister

    return DynamoCertificateRegister(table("MESSAGES"))


@dataclass(frozen=True)
class _SitesEntities:
    """Implements `LegalEntities`: those that have a site."""

    book: ReferenceBook

    def legal_entities(self) -> Sequence[str]:
        """Return the FINESS EJ of each."""
        return sorted({site.legal_entity for site in self.book.sites()})

    def sites(self) -> Sequence[str]:
        """Return each site."""
        return sorted(site.site for site in self.book.sites())


def _book() -> ReferenceBook:
    from ris.adapters.reference.dynamodb import DynamoReferenceBook

    return DynamoReferenceBook(table("REFERENCE"))
