"""What the report's use cases need from outside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ris.domain.access.session import Account
from ris.domain.agenda.exam import Exam, ReadingSpan
from ris.domain.agenda.request import ImagingRequest
from ris.domain.dispatch.delivery import Delivery
from ris.domain.identity.patient import Patient
from ris.domain.report.draft import Draft, Turn, Validation
from ris.domain.report.frozen import FrozenReport
from ris.domain.report.version import Version
from ris.domain.usage.facts import UsageFact


class ReportStore(Protocol):
    """Drafts and versions in the `exams` table, in the partition of their exam."""

    def draft(self, accession_number: str) -> Draft | None:
        """Return the report's draft, read consistently, or None."""

    def save_draft(self, draft: Draft) -> Draft:
        """Write over the revision the draft carries (0 = new); raise Conflict when it no longer stands.

        Returns:
            The draft as written, its revision one higher.
        """

    def version(self, accession_number: str, version: int) -> Version | None:
        """Return one version, read consistently, or None."""

    def versions(self, accession_number: str) -> list[Version]:
        """Return every version of an exam's report, oldest first."""

    def save_version(self, version: Version) -> Version:
        """Write over the row version read; raise Conflict when it no longer stands. Returns the row as written."""

    def commit(
        self,
        draft: Draft,
        version: Version,
        *,
        deliveries: tuple[Delivery, ...] = (),
        content: bytes | None = None,
        facts: tuple[UsageFact, ...] = (),
    ) -> tuple[Draft, Version]:
        """Write a draft, a version, its delivery rows and its frozen content in one transaction, all or none.

        Args:
            draft: As it shall be, under its revision.
            version: As it shall be, under its row version (0 = new).
            deliveries: As they shall be, under their versions.
            content: The frozen content of this making of the version; None leaves what is there.
            facts: What becomes true with it, for the figures.

        Returns:
            Draft and version as written.

        Raises:
            Conflict: One of them no longer stands; nothing was written.
        """

    def content(self, version: Version) -> bytes | None:
        """Return the frozen content of this making of a version, or None."""

    def drafts(self, accession_numbers: Sequence[str]) -> dict[str, Draft]:
        """Return those that exist, by Accession Number, read consistently."""

    def versions_at(self, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Version]:
        """Return those that exist, by Accession Number and number of version, read consistently."""

    def unvalidated(
        self,
        site: str,
        *,
        limit: int,
        turn: Turn = Turn.WRITING,
        modality: str = "",
        span: ReadingSpan | None = None,
    ) -> list[Draft]:
        """Return the site's drafts that nobody validated yet (indexes `due`, `reading`).

        The most urgent come first, and of those the longest done exam.

        Args:
            site: Id of a site.
            limit: At most so many.
            turn: Those to type, those to correct, or for any other turn those that are the radiologists'.
            modality: Only those whose exam is of this DICOM modality.
            span: Only those whose exam is of this priority and time.
        """

    def taken_by(self, account_id: str, *, limit: int) -> list[Draft]:
        """Return the open drafts that a radiologist took, at whatever site, the longest done exam first (index `mine`)."""

    def validated_by(self, account_id: str, *, limit: int, after: Draft | None = None) -> list[Draft]:
        """Return the reports whose last validation is this account's, the newest first (index `mine`); `after` is the last one shown."""

    def unsigned(self, site: str, *, now: datetime, limit: int) -> list[Draft | Version]:
        """Return the site's drafts and versions whose signing should have ended by now, oldest first (index `due`)."""


class DocumentStore(Protocol):
    """Immutable documents."""

    def keep(self, key: str, content: bytes, *, content_type: str) -> bytes:
        """Store the content unless the key is taken; what was there first stays.

        Returns:
            The bytes that stand there now: these, or those of the writer who was first.

        Raises:
            RemoteUnavailable: Perhaps stored; doing it again is safe.
        """

    def get(self, key: str) -> bytes:
        """Return the bytes of a key.

        Raises:
            RemoteUnavailable: `document_unavailable`.
        """


class Exams(Protocol):
    """What a report reads of exams."""

    def get(self, accession_number: str) -> Exam | None:
        """Return the exam, read consistently, or None."""

    def of_patient(self, patient_id: str) -> tuple[list[Exam], list[ImagingRequest]]:
        """Return a patient's exams and requests."""

    def get_request(self, request_id: str) -> ImagingRequest | None:
        """Return the request, read consistently, or None."""


class Patients(Protocol):
    """What a report reads of patients."""

    def get(self, patient_id: str) -> Patient | None:
        """Return the patient, read consistently, or None."""


class Accounts(Protocol):
    """What a report reads of accounts."""

    def get(self, account_id: str) -> Account | None:
        """Return the account, or None."""


class Deliveries(Protocol):
    """What a report reads of delivery rows, and writes of those that wait."""

    def get(self, owner: str, channel: str, recipient: str, report_version: int = 0) -> Delivery | None:
        """Return one row, read consistently, or None."""

    def of_owner(self, owner: str) -> list[Delivery]:
        """Return every row of an exam, read consistently, oldest first."""

    def save(self, delivery: Delivery) -> Delivery:
        """Write under the version read; raise Conflict when it no longer stands. Returns the row as written."""


class SigningWorkflows(Protocol):
    """Starts the signing machine under deterministic names."""

    def start_signing(self, accession_number: str, validation: Validation, *, draft_rev: int, attempt: int) -> None:
        """Start `signing-{accession}-{version}` (`-{attempt}` behind it from the second on); a second start changes nothing.

        Raises:
            RemoteUnavailable: Not started; the row is due, and the sweep starts it.
        """

    def start_release(self, accession_number: str, validation: Validation, *, draft_rev: int, attempt: int) -> None:
        """Start `announcement-{accession}-{version}` likewise, the machine that releases an announcement; raises as `start_signing`."""


class FrozenCodec(Protocol):
    """The frozen content as bytes: the same content gives the same bytes, and they are read back for ever."""

    def dump(self, report: FrozenReport) -> bytes:
        """Return the content as bytes."""

    def load(self, content: bytes) -> FrozenReport:
        """Return the content of these bytes."""


class PdfRenderer(Protocol):
    """Makes the PDF/A-1 of a frozen report; the same report gives the same bytes."""

    def render(self, report: FrozenReport) -> bytes:
        """Return the PDF.

        Raises:
            InvalidInput: `character_not_drawable`.
        """


class CdaBuilder(Protocol):
    """Makes the CDA R2 N1 of a frozen report around its PDF; the same two give the same bytes."""

    def build(self, report: FrozenReport, pdf: bytes) -> bytes:
        """Return the CDA.

        Raises:
            InvalidInput: `title_too_long`, `act_missing`.
        """


class SubmissionSigner(Protocol):
    """Signs the submission of a version with the key of its legal entity."""

    def sign(self, report: FrozenReport, cda: bytes, *, legal_entity: str, now: datetime) -> bytes:
        """Return the signature document.

        Raises:
            Refused: `certificate_of_another_structure`, `certificate_of_another_key`.
            RemoteUnavailable: The key or its certificate is not to be had, or the certificate has expired: later, by itself.
        """
