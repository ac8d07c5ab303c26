"""The files of a version: kept once, read back only as what they were when they were kept."""

from __future__ import annotations

import hashlib
from datetime import datetime

from ris.application.conflicts import decide
from ris.application.report.services import ReportServices
from ris.domain.errors import InvalidInput, Refused, RemoteUnavailable
from ris.domain.report.frozen import FrozenReport
from ris.domain.report.version import CDA, FROZEN, PDF, SIGNATURE, StoredFile, Version, VersionState, advanced

CONTENT_TYPES = {FROZEN: "application/json", PDF: "application/pdf", CDA: "text/xml", SIGNATURE: "text/xml"}


def version_of(s: ReportServices, accession: str, number: int) -> Version:
    """Return a version that stands.

    Raises:
        InvalidInput: `unknown_version`.
        Refused: `version_withdrawn`.
    """
    version = s.reports.version(accession, number)
    if version is None:
        raise InvalidInput("unknown_version", field="version")
    if version.state is VersionState.WITHDRAWN:
        raise Refused("version_withdrawn", field="version")
    return version


def kept(s: ReportServices, version: Version, name: str, content: bytes) -> StoredFile:
    """Keep one file of a version, and return what stands there: the first writer's bytes, whoever comes later."""
    key = version.key_of(name)
    return stored_file(key, s.documents.keep(key, content, content_type=CONTENT_TYPES[name]))


def stored_file(key: str, content: bytes) -> StoredFile:
    """Return what these bytes are."""
    return StoredFile(key, hashlib.sha256(content).hexdigest(), len(content))


def read(s: ReportServices, version: Version, name: str) -> bytes:
    """Return the bytes of one file, which are what its row says.

    Raises:
        RemoteUnavailable: `document_unavailable`, also when it is not made yet.
        AssertionError: They are other bytes: the bucket was tampered with; nobody goes on from there.
    """
    file = version.files.get(name)
    if file is None:
        raise RemoteUnavailable("document_unavailable", field=name)
    content = s.documents.get(file.key)
    if stored_file(file.key, content) != file:
        raise AssertionError(f"{name} of {version.accession_number} v{version.version} is not what was kept")
    return content


def frozen_of(s: ReportServices, version: Version) -> FrozenReport:
    """Return the frozen content of a version."""
    return s.codec.load(read(s, version, FROZEN))


def advance(s: ReportServices, version: Version, state: VersionState, name: str, file: StoredFile, now: datetime) -> Version:
    """Write that a version is one file further; when another execution was faster, its row stands."""

    def attempt() -> Version:
        row = version_of(s, version.accession_number, version.version)
        if row.state.rank >= state.rank or row.making != version.making:
            return row
        return s.reports.save_version(advanced(row, state, name, file, now))

    return decide(attempt)
