"""One suite for the ledger of inbound messages: what the memory twin promises, DynamoDB keeps."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from ris.adapters.agenda.ledger import DynamoMessageLedger, MemoryMessageLedger
from ris.adapters.dynamodb import Table
from ris.application.agenda.messages import LedgerEntry, MessageState
from ris.application.conflicts import Conflict
from tests.support.cloud import deployed_cloud

cloud = deployed_cloud()
NOW = datetime(2026, 10, 5, 6, 0, 0, 7, tzinfo=UTC)


@pytest.fixture
def site() -> str:
    return uuid4().hex[:8]


@pytest.fixture(params=["memory", "dynamodb"])
def ledger(request):
    if request.param == "memory":
        return MemoryMessageLedger()
    running = request.getfixturevalue("cloud")
    return DynamoMessageLedger(Table(running.client("dynamodb"), running.function_env("PortalFunction")["TABLE_MESSAGES"]))


def an_entry(site, entry_id="ab" * 32, **changes):
    entry = LedgerEntry(
        entry_id=entry_id,
        site=site,
        sha256="cd" * 32,
        state=MessageState.RECEIVED,
        received_at=NOW,
        frame=bytes(range(256)),
        default_charset="8859/1",
        sending_application="HIS^1.2^ISO",
        sending_facility="CH",
        control_id="M1",
        message_type="ADT^A04",
        spool_id="g-1",
        changed_at=NOW,
    )
    return replace(entry, **changes)


def test_an_entry_comes_back_byte_for_byte(ledger, site):
    entry = an_entry(site)
    large = an_entry(
        site, "ef" * 32, frame=b"", s3_key="inbound/1", kind="acknowledgement", settled_by="acc", reason="r", place="PID-7"
    )

    assert ledger.save(entry) == replace(entry, version=1)
    ledger.save(large)

    assert ledger.get(site, entry.entry_id) == replace(entry, version=1)
    assert ledger.get(site, large.entry_id) == replace(large, version=1)
    assert ledger.get("another", entry.entry_id) is None
    assert ledger.get(site, "00" * 32) is None


def test_an_incident_stands_beside_its_message(ledger, site):
    ledger.save(an_entry(site))
    ledger.save(an_entry(site, f"{'ab' * 32}.{'11' * 32}", state=MessageState.INCIDENT, frame=b"other"))

    assert ledger.get(site, "ab" * 32).state is MessageState.RECEIVED
    assert ledger.get(site, f"{'ab' * 32}.{'11' * 32}").frame == b"other"


def test_a_write_over_another_version_is_a_conflict(ledger, site):
    read = ledger.save(an_entry(site))
    ledger.save(replace(read, state=MessageState.APPLIED))

    for stale in (read, an_entry(site)):
        with pytest.raises(Conflict):
            ledger.save(stale)


def test_the_operators_list_holds_what_is_parked_oldest_first(ledger, site):
    def at(minutes, state, name):
        return ledger.save(an_entry(site, name * 32, state=state, received_at=NOW + timedelta(minutes=minutes)))

    parked = at(2, MessageState.PARKED, "02")
    incident = at(1, MessageState.INCIDENT, "01")
    at(0, MessageState.APPLIED, "00")
    at(3, MessageState.RECEIVED, "03")

    assert ledger.parked(site, limit=9) == [incident, parked]
    assert ledger.parked(site, limit=1) == [incident]
    ledger.save(replace(incident, state=MessageState.DISMISSED))
    assert ledger.parked(site, limit=9) == [parked]
    ledger.save(replace(parked, state=MessageState.APPLIED))
    assert ledger.parked(site, limit=9) == []


def test_the_operators_list_goes_on_behind_a_place(ledger, site):
    entries = [
        an_entry(site, f"{number:064x}", state=MessageState.PARKED, received_at=NOW + timedelta(seconds=number))
        for number in range(5)
    ]
    kept = [ledger.save(entry) for entry in reversed(entries)][::-1]

    first = ledger.parked(site, limit=2)

    assert kept[:2] == first
    assert kept[2:4] == ledger.parked(site, limit=2, after=first[-1].list_place)
    assert [] == ledger.parked(site, limit=2, after=kept[-1].list_place)
