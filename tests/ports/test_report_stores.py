"""One suite for the stores of the report context: what the memory twins promise, DynamoDB and S3 keep."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
from ris.adapters.dispatch.memory import MemoryDeliveryStore
from ris.adapters.dynamodb import Table
from ris.adapters.report.dynamodb import DynamoReportStore
from ris.adapters.report.memory import MemoryDocumentStore, MemoryReportStore
from ris.adapters.report.s3 import S3DocumentStore
from ris.adapters.usage.dynamodb import DynamoUsageFacts
from ris.adapters.usage.memory import MemoryUsageFacts
from ris.application.conflicts import Conflict
from ris.application.dispatch.ports import DeliveryStore
from ris.application.report.ports import DocumentStore, ReportStore
from ris.application.usage.ports import UsageFacts
from ris.domain.agenda.exam import ExamKind, ReadingSpan
from ris.domain.dispatch.delivery import DeliveryState, Origin
from ris.domain.errors import RemoteUnavailable
from ris.domain.report.draft import Draft, DraftStatus, Refusal, Turn, Validation
from ris.domain.report.frozen import Section
from ris.domain.report.plan import PlanFacts, PlannedChannel, planned_rows
from ris.domain.report.version import StoredFile, Version, VersionState
from ris.domain.usage.facts import validation
from tests.support.cloud import deployed_cloud

cloud = deployed_cloud()
NOW = datetime(2026, 11, 26, 9, 15, 30, 123456, tzinfo=UTC)


@dataclass
class Stores:
    """The stores, and a site and exam nobody else in the session uses."""

    reports: ReportStore
    deliveries: DeliveryStore
    run: str
    usage: UsageFacts

    def draft(self, **changes: object) -> Draft:
        draft = Draft(
            self.run, self.run, "Titre", (Section("Résultats", "œ \ud800 \x00"), Section("", "")), ("89990001234",),
            author="a", edited_by="b", edited_at=NOW,
        )  # fmt: skip
        return replace(draft, **changes)  # type: ignore[arg-type]

    def version(self, **changes: object) -> Version:
        version = Version(
            accession_number=self.run, site=self.run, legal_entity="990000017", version=1, document_id="2.25.1", set_id="2.25.2",
            replaces="", validated_at=NOW, validated_by="a", rpps="89990001234", state=VersionState.FROZEN,
            files={"frozen.json": StoredFile("k", "h", 3)}, plan=(PlannedChannel("dmp", "DMP", DeliveryState.HELD, "identity"),),
            draft_rev=1, due_at=NOW + timedelta(minutes=5), changed_at=NOW,
        )  # fmt: skip
        return replace(version, **changes)  # type: ignore[arg-type]


@pytest.fixture(params=["memory", "dynamodb"])
def stores(request: pytest.FixtureRequest) -> Stores:
    run = uuid4().hex[:12]
    if request.param == "memory":
        deliveries = MemoryDeliveryStore()
        return Stores(MemoryReportStore(deliveries), deliveries, run, MemoryUsageFacts(deliveries.facts))
    running = request.getfixturevalue("cloud")
    table = Table(running.client("dynamodb"), running.function_env("PortalFunction")["TABLE_EXAMS"])
    usage = Table(running.client("dynamodb"), running.outputs["UsageTable"])
    return Stores(DynamoReportStore(table, usage), DynamoDeliveryStore(table), run, DynamoUsageFacts(usage))


@pytest.fixture(params=["memory", "s3"])
def documents(request: pytest.FixtureRequest) -> DocumentStore:
    if request.param == "memory":
        return MemoryDocumentStore()
    client = request.getfixturevalue("cloud").client("s3")
    bucket = f"documents-{uuid4().hex[:12]}"
    client.create_bucket(
        Bucket=bucket,
        ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": client.meta.region_name},
    )
    return S3DocumentStore(lambda: client, bucket)


def test_a_draft_is_read_back_whole(stores: Stores) -> None:
    draft = stores.draft(
        refusal=Refusal("title_too_long", "title", "at most", NOW),
        validation=Validation(2, "a", "89990001234", NOW, NOW - timedelta(hours=1)),
        status=DraftStatus.VALIDATING,
        version=1,
        attempt=3,
        due_at=NOW,
    )

    written = stores.reports.save_draft(draft)

    assert replace(draft, rev=1) == written == stores.reports.draft(stores.run)
    assert stores.reports.draft("absent") is None


def test_an_older_revision_never_stands(stores: Stores) -> None:
    first = stores.reports.save_draft(stores.draft())
    second = stores.reports.save_draft(replace(first, title="2"))

    for stale in (stores.draft(), replace(first, title="3")):
        with pytest.raises(Conflict):
            stores.reports.save_draft(stale)

    assert second == stores.reports.draft(stores.run)


def test_a_version_is_written_with_its_draft_its_content_and_its_rows_or_not_at_all(stores: Stores) -> None:
    draft = stores.reports.save_draft(stores.draft())
    rows = planned_rows(PlanFacts(stores.run, stores.run, 1, "2.25.1", NOW, qualified=True))

    written, version = stores.reports.commit(draft, stores.version(), deliveries=rows, content=b"{}")
    with pytest.raises(Conflict):
        stores.reports.commit(draft, replace(version, making=2), deliveries=(), content=b"other")
    with pytest.raises(Conflict):
        stores.reports.commit(written, stores.version(version=2), deliveries=rows, content=b"other")
    with pytest.raises(Conflict):
        stores.reports.commit(written, stores.version(making=2), content=b"other")

    assert (replace(draft, rev=2), replace(stores.version(), row_version=1)) == (written, version)
    assert (written, version) == (stores.reports.draft(stores.run), stores.reports.version(stores.run, 1))
    assert b"{}" == stores.reports.content(version)
    assert stores.reports.content(replace(version, making=2)) is None
    assert stores.reports.version(stores.run, 2) is None
    assert [replace(row, version=1) for row in sorted(rows, key=lambda one: one.channel)] == stores.deliveries.of_owner(stores.run)


def test_a_fact_is_written_with_the_version_that_makes_it_true_or_not_at_all(stores: Stores) -> None:
    draft = stores.reports.save_draft(stores.draft())
    fact = validation(stores.run, stores.run, 1, "2.25.1", Origin("Europe/Paris"), NOW, plan=("dmp:pending:",), marks=())

    with pytest.raises(Conflict):
        stores.reports.commit(replace(draft, rev=7), stores.version(), facts=(fact,))
    assert [] == stores.usage.of_month(stores.run, "2026-11")
    stores.reports.commit(draft, stores.version(), facts=(fact,))

    assert [fact] == stores.usage.of_month(stores.run, "2026-11")


def test_versions_stand_in_order(stores: Stores) -> None:
    for number in (2, 1, 10):
        stores.reports.save_version(stores.version(version=number))

    assert [1, 2, 10] == [one.version for one in stores.reports.versions(stores.run)]
    with pytest.raises(Conflict):
        stores.reports.save_version(stores.version(version=10))


def test_lists_hold_what_waits_and_nothing_else(stores: Stores) -> None:
    reports, later = stores.reports, NOW + timedelta(minutes=5)
    draft = reports.save_draft(stores.draft())
    assert [draft] == reports.unvalidated(stores.run, limit=5)
    draft = reports.save_draft(replace(draft, status=DraftStatus.PROVISIONAL))
    assert [draft] == reports.unvalidated(stores.run, limit=5)
    draft = reports.save_draft(replace(draft, status=DraftStatus.VALIDATING, due_at=later))

    assert [] == reports.unvalidated(stores.run, limit=5)
    assert [] == reports.unsigned(stores.run, now=later - timedelta(seconds=1), limit=5)
    assert [draft] == reports.unsigned(stores.run, now=later, limit=5)
    draft, version = reports.commit(replace(draft, due_at=None), stores.version(), content=b"{}")
    assert [version] == reports.unsigned(stores.run, now=later, limit=5)
    reports.commit(replace(draft, status=DraftStatus.VALIDATED), replace(version, state=VersionState.SIGNED, due_at=None))
    assert [] == reports.unsigned(stores.run, now=later, limit=5)
    assert [] == reports.unvalidated(stores.run, limit=5)


def test_the_longest_report_fits(stores: Stores) -> None:
    text = "".join(chr(0xC0 + n * n % 64) for n in range(200_000))

    written = stores.reports.save_draft(stores.draft(sections=(Section("Résultats", text),)))

    assert written == stores.reports.draft(stores.run)


def test_a_document_is_kept_once_and_its_first_bytes_stay(documents: DocumentStore) -> None:
    assert b"first" == documents.keep("260000000001/v1/report.pdf", b"first", content_type="application/pdf")
    assert b"first" == documents.keep("260000000001/v1/report.pdf", b"second", content_type="application/pdf")
    assert b"first" == documents.get("260000000001/v1/report.pdf")


def test_a_document_that_is_not_there_is_an_outage(documents: DocumentStore) -> None:
    with pytest.raises(RemoteUnavailable) as unavailable:
        documents.get("absent")

    assert "document_unavailable" == unavailable.value.code


def listed(drafts: list[Draft]) -> list[str]:
    return [one.title for one in drafts]


def test_open_reports_are_listed_by_turn_kind_and_age_of_their_exam(stores: Stores) -> None:
    reports, kinds = stores.reports, (ExamKind("CT", "routine"), ExamKind("CT", "stat"), ExamKind("MR", "routine"))
    turns = (Turn.WRITING, Turn.REREADING, Turn.WRITING, Turn.TYPING, Turn.CORRECTION)
    for number, turn in enumerate(turns):
        name, kind, done = f"{stores.run}{number}", kinds[number % 3], NOW - timedelta(hours=number)
        reports.save_draft(stores.draft(accession_number=name, title=str(number), turn=turn, kind=kind, done_at=done, note="œ"))

    site, hour = stores.run, timedelta(hours=1)
    routine, stat = ReadingSpan("routine"), ReadingSpan("stat")
    assert ["1", "2", "0"] == listed(reports.unvalidated(site, limit=9))  # the most urgent first, then the longest done
    assert ["1", "2"] == listed(reports.unvalidated(site, limit=2))
    assert [["3"], ["4"]] == [listed(reports.unvalidated(site, limit=9, turn=one)) for one in (Turn.TYPING, Turn.CORRECTION)]
    assert [["1", "0"], ["2"]] == [listed(reports.unvalidated(site, limit=9, modality=one)) for one in ("CT", "MR")]
    assert [["2", "0"], ["1"]] == [listed(reports.unvalidated(site, limit=9, span=one)) for one in (routine, stat)]
    assert ["0"] == listed(reports.unvalidated(site, limit=9, modality="CT", span=routine))
    assert ["3"] == listed(reports.unvalidated(site, limit=9, turn=Turn.TYPING, modality="CT"))
    within = replace(stat, since=NOW - hour, until=NOW - timedelta(microseconds=1))
    assert [["1"], []] == [
        listed(reports.unvalidated(site, limit=9, span=one)) for one in (within, replace(within, until=NOW - 2 * hour))
    ]
    assert [] == reports.unvalidated(site, limit=9, modality="CT", span=replace(routine, until=NOW - hour))
    assert [] == reports.unvalidated("absent", limit=9, modality="CT")


def test_a_radiologists_own_are_those_taken_and_then_those_validated_the_newest_first(stores: Stores) -> None:
    reports, me = stores.reports, f"dr.{stores.run}"
    for number in range(4):
        name, done = f"{stores.run}{number}", NOW - timedelta(hours=number)
        reports.save_draft(stores.draft(accession_number=name, title=str(number), reader=me, done_at=done))
    reports.save_draft(stores.draft(accession_number=f"{stores.run}9", title="9", reader="other"))

    assert ["3", "2", "1", "0"] == listed(reports.taken_by(me, limit=9))
    for number in range(3):
        draft = reports.draft(f"{stores.run}{number}")
        click = Validation(1, me, "1", NOW + timedelta(minutes=number), NOW)
        assert draft is not None
        reports.save_draft(replace(draft, status=DraftStatus.VALIDATED, validation=click, version=1))

    assert ["3"] == listed(reports.taken_by(me, limit=9))
    first = reports.validated_by(me, limit=2)
    assert [["2", "1"], ["0"]] == [listed(first), listed(reports.validated_by(me, limit=2, after=first[-1]))]
    opened = replace(first[0], status=DraftStatus.DRAFT, validation=None)
    reports.save_draft(opened)
    assert [["1", "0"], ["3", "2"]] == [
        listed(reports.validated_by(me, limit=9)),
        sorted(listed(reports.taken_by(me, limit=9)))[::-1],
    ]


def test_drafts_and_versions_are_read_in_one_batch(stores: Stores) -> None:
    names = [f"{stores.run}{number}" for number in range(3)]
    drafts = {name: stores.reports.save_draft(stores.draft(accession_number=name)) for name in names}
    for name, number in zip(names, (1, 2, 1), strict=True):
        stores.reports.save_version(stores.version(accession_number=name, version=number))

    assert drafts == stores.reports.drafts([*names, "absent"])
    found = stores.reports.versions_at([(names[0], 1), (names[1], 1), (names[1], 2)])
    assert {(names[0], 1), (names[1], 2)} == set(found)
    assert ({}, {}) == (stores.reports.drafts([]), stores.reports.versions_at([]))
