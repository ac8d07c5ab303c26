"""`ris messages` as an operator runs it: a process of its own against the deployed tables; each decision leaves a record."""

from __future__ import annotations

import getpass
import hashlib
import itertools
import json
import os
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ris.adapters.access.dynamodb import DynamoAuditTrail
from ris.adapters.agenda.ledger import DynamoMessageLedger
from ris.adapters.dynamodb import Table
from ris.adapters.reference.dynamodb import DynamoReferenceTable
from ris.adapters.reference.files import read_folder
from ris.application.agenda.messages import LedgerEntry, MessageState
from ris.application.load_reference import load_reference
from tests.support.cloud import deployed_cloud
from tests.support.forks import ris
from tests.support.hl7 import adt
from tests.support.tables import own_table, state_file

cloud = deployed_cloud()
DEMO = Path(__file__).parents[2] / "infra" / "local" / "demo" / "reference"
NUMBERS = itertools.count(1)


@dataclass
class Operator:
    """The command against one deployment, and what stands behind it."""

    state: Path
    ledger: DynamoMessageLedger
    audit: DynamoAuditTrail

    def ris(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return ris(self.state, *words, typed=typed)

    def park(self, frame: bytes, *, site: str = "nord") -> str:
        """Put a message on the operator's list and return its id."""
        entry_id = hashlib.sha256(f"cli {os.getpid()} {next(NUMBERS)}".encode()).hexdigest()
        self.ledger.save(
            LedgerEntry(
                entry_id=entry_id,
                site=site,
                sha256=hashlib.sha256(frame).hexdigest(),
                state=MessageState.PARKED,
                received_at=datetime.now(UTC),
                frame=frame,
                default_charset="UNICODE UTF-8",
                sending_application="[bold]HIS",
                message_type="ADT^A04",
                reason="impossible_date",
                place="PID-7",
            )
        )
        return entry_id

    def records(self, entry_id: str, site: str = "nord") -> list[tuple[str, str, str, str]]:
        """Return the audit records about a message: action, result, code, account."""
        kept = self.audit.of_day(site, f"{datetime.now(UTC):%Y-%m-%d}", limit=10_000)
        return [(one.action, one.result, one.code, one.account_id) for one in kept if one.object_id == entry_id]


@pytest.fixture(scope="module")
def operator(cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    reference = own_table(cloud)
    load_reference(DynamoReferenceTable(reference), read_folder(DEMO), now=datetime.now(UTC))
    state = state_file(cloud, tmp_path_factory.mktemp("cli"), ReferenceTable=reference)
    tables = (Table(cloud.client("dynamodb"), cloud.outputs[name]) for name in ("MessagesTable", "AuditTable"))
    return Operator(state, DynamoMessageLedger(next(tables)), DynamoAuditTrail(next(tables)))


ME = f"operator:{getpass.getuser()}"


def test_what_waits_is_listed_with_its_reason_and_nothing_of_its_content(operator: Operator) -> None:
    entry_id = operator.park(adt(control_id="CLI-1", ipp="SECRET-IPP"))

    table = operator.ris("messages", "list", "nord")
    document = operator.ris("messages", "list", "nord", "--json")

    assert (table.returncode, document.returncode) == (0, 0), table.stderr
    (row,) = [row for row in json.loads(document.stdout) if row["message"] == entry_id]
    assert (row["type"], row["state"], row["reason"], row["place"]) == ("ADT^A04", "parked", "impossible_date", "PID-7")
    assert "[bold]HIS" in table.stdout, "a sender's text is shown as sent, never as markup"
    assert "SECRET-IPP" not in table.stdout + document.stdout


def test_a_message_that_can_be_applied_by_now_is_applied_once(operator: Operator) -> None:
    entry_id = operator.park(adt(control_id="CLI-2", ipp="CLI-2"))

    first = operator.ris("messages", "replay", "nord", entry_id, "--json")
    second = operator.ris("messages", "replay", "nord", entry_id)

    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["state"] == "applied"
    assert (second.returncode, second.stdout) == (1, "")
    assert "n'attend plus de décision" in second.stderr
    assert operator.records(entry_id) == [
        ("replay_parked", "allowed", "", ME),
        ("replay_parked", "refused", "not_on_the_list", ME),
    ]


def test_a_message_that_still_cannot_be_applied_stays_and_says_why(operator: Operator) -> None:
    entry_id = operator.park(adt(control_id="CLI-3", event="A99"))

    done = operator.ris("messages", "replay", "nord", entry_id)

    assert done.returncode == 1
    assert done.stdout.startswith(f"{entry_id} : parked : ")
    kept = operator.ledger.get("nord", entry_id)
    assert kept
    assert kept.state is MessageState.PARKED


def test_a_message_is_dismissed_only_when_confirmed(operator: Operator) -> None:
    entry_id = operator.park(adt(control_id="CLI-4"))

    refused = operator.ris("messages", "dismiss", "nord", entry_id, typed="n\n")
    still = operator.ledger.get("nord", entry_id)
    done = operator.ris("messages", "dismiss", "nord", entry_id, "--yes", "--json")

    assert still
    assert (refused.returncode, still.state) == (1, MessageState.PARKED)
    assert (done.returncode, json.loads(done.stdout)["state"]) == (0, "dismissed")
    assert operator.records(entry_id) == [("dismiss_parked", "allowed", "", ME)]
    kept = operator.ledger.get("nord", entry_id)
    assert kept
    assert kept.settled_by == ME


def test_a_message_of_another_site_is_not_there(operator: Operator) -> None:
    entry_id = operator.park(adt(control_id="CLI-5"), site="sud")

    done = operator.ris("messages", "dismiss", "nord", entry_id, "--yes")

    assert done.returncode == 1
    assert "n'existe pas sur ce site" in done.stderr
    assert operator.records(entry_id) == [("dismiss_parked", "refused", "unknown_message", ME)]


def test_a_site_that_is_none_is_said_to_be_none(operator: Operator) -> None:
    done = operator.ris("messages", "list", "ouest")

    assert (done.returncode, done.stdout) == (1, "")
    assert "ce site n'existe pas" in done.stderr


def test_all_that_waits_is_looked_at_first_and_then_replayed_each_with_a_record(operator: Operator) -> None:
    site = "nord"
    good, bad = operator.park(adt(control_id="CLI-8", ipp="CLI-8"), site=site), operator.park(b"MSH|^~\\&|\r", site=site)

    told = operator.ris("messages", "replay", site, "--all", "--dry-run", "--json")
    looked_at = {one["message"]: one["outcome"] for one in json.loads(told.stdout)["rows"]}
    assert (0, "replay", "replay") == (told.returncode, looked_at[good], looked_at[bad]), told.stderr
    assert [] == operator.records(good, site)
    done = operator.ris("messages", "replay", site, "--all", "--json")

    outcomes = {one["message"]: one["outcome"] for one in json.loads(done.stdout)["rows"]}
    assert ("applied", "parked", 1) == (outcomes[good], outcomes[bad], done.returncode)
    assert [("replay_parked", "allowed", "", ME)] == operator.records(good, site) == operator.records(bad, site)


@pytest.mark.parametrize("words", [("nord",), ("nord", "ab", "--all")])
def test_one_message_or_all_of_them_is_wanted(operator: Operator, words: tuple[str, ...]) -> None:
    done = operator.ris("messages", "replay", *words)

    assert (2, True) == (done.returncode, "--all" in done.stderr)
