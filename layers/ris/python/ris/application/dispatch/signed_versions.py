"""The versions of reports as dispatch reads them: over the report's own stores, checked against what was signed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ris.application.dispatch.dmp_port import FrozenVersion, SignedVersion
from ris.application.dispatch.mail_port import ReportDocuments
from ris.application.report.ports import DocumentStore, FrozenCodec, ReportStore
from ris.domain.errors import Refused
from ris.domain.report.version import CDA, SIGNATURE, Version, VersionState


@dataclass(frozen=True)
class StoredVersions:
    """Implements `SignedVersions` and `StoredReports`."""

    reports: ReportStore
    documents: DocumentStore
    codec: FrozenCodec

    def frozen(self, accession_number: str, version: int) -> FrozenVersion | None:
        """See the port."""
        found = self._standing(accession_number, version)
        content = self.reports.content(found) if found else None
        return FrozenVersion(self.codec.load(content), found.legal_entity) if found and content else None

    def signed(self, accession_number: str, version: int) -> SignedVersion | None:
        """See the port."""
        found = self._standing(accession_number, version)
        content = self.reports.content(found) if found else None
        if found is None or content is None or found.state is not VersionState.SIGNED:
            return None
        return SignedVersion(self.codec.load(content), self._bytes(found, CDA), self._bytes(found, SIGNATURE))

    def with_files(self, accession_number: str, version: int, *names: str) -> ReportDocuments | None:
        """See the port."""
        found = self._standing(accession_number, version)
        content = self.reports.content(found) if found else None
        if found is None or content is None or found.state is not VersionState.SIGNED:
            return None
        files = {name: self._bytes(found, name) for name in names}
        return ReportDocuments(self.codec.load(content), found.reason, found.marks, files)

    def _standing(self, accession_number: str, version: int) -> Version | None:
        found = self.reports.version(accession_number, version)
        return None if found is None or found.state is VersionState.WITHDRAWN else found

    def _bytes(self, version: Version, name: str) -> bytes:
        file = version.files[name]
        content = self.documents.get(file.key)
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise Refused("stored_document_changed", field=name)
        return content
