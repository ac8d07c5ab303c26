"""`ris dispatch retry` as an operator runs it: a process of its own against the deployed tables and machine."""

from __future__ import annotations

import getpass
import json
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ris.adapters.access.dynamodb import DynamoAuditTrail
from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
from ris.adapters.dynamodb import Table
from ris.adapters.reference.dynamodb import DynamoReferenceTable
from ris.adapters.reference.files import read_folder
from ris.application.load_reference import load_reference
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from tests.support.cloud import deployed_cloud
from tests.support.forks import ris
from tests.support.tables import own_table, state_file

cloud = deployed_cloud()
DEMO = Path(__file__).parents[2] / "infra" / "local" / "demo" / "reference"


@dataclass
class Operator:
    """The command against one deployment, and its rows."""

    cloud: Any
    state: Path
    rows: DynamoDeliveryStore
    audit: DynamoAuditTrail

    def retry(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.ris("dispatch", "retry", *words)

    def ris(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return ris(self.state, *words, **environment)

    def row(self, owner: str, **said: Any) -> Delivery:
        now = datetime.now(UTC) - timedelta(minutes=5)
        row = Delivery(owner, "est", "dmp", "DMP", "", DeliveryState.REJECTED, changed_at=now, planned_at=now, report_version=1)
        return self.rows.save(replace(row, executions=1, **said))

    def started(self, owner: str) -> list[str]:
        machine = self.cloud.state_machines["ReportDispatchStateMachine"]
        listed = self.cloud.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
        return sorted(one["name"] for one in listed if one["name"].startswith(f"dispatch-{owner}-"))


@pytest.fixture(scope="module")
def operator(cloud: Any, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    reference = own_table(cloud)
    load_reference(DynamoReferenceTable(reference), read_folder(DEMO), now=datetime.now(UTC))
    state = state_file(cloud, tmp_path_factory.mktemp("cli"), ReferenceTable=reference)
    names = ("ExamsTable", "UsageTable", "AuditTable")
    exams, usage, audit = (Table(cloud.client("dynamodb"), cloud.outputs[name]) for name in names)
    return Operator(cloud, state, DynamoDeliveryStore(exams, usage), DynamoAuditTrail(audit))


def test_what_would_go_is_told_first_and_then_goes(operator: Operator) -> None:
    operator.row("CLI1")
    operator.row("CLI2", channel="mss_patient", recipient="PATIENT")
    operator.row("CLI3", changed_at=datetime.now(UTC) - timedelta(hours=5))

    told = operator.retry("--since", "2h", "--channel", "dmp", "--site", "est", "--dry-run", "--json")
    assert (0, []) == (told.returncode, operator.started("CLI1")), told.stderr
    done = operator.retry("--since", "2h", "--channel", "dmp", "--site", "est")

    document = json.loads(told.stdout)
    assert document["dry_run"]
    assert [("CLI1", "dmp", "DMP", 1, "rejected", "retry", True)] == [
        tuple(one[name] for name in ("exam", "channel", "recipient", "version", "state", "outcome", "retried"))
        for one in document["rows"]
    ]
    assert (0, ["dispatch-CLI1-1-2-dmp-DMP"], []) == (done.returncode, operator.started("CLI1"), operator.started("CLI2")), (
        done.stderr
    )
    assert "1 sur 1 repartent." in done.stdout
    kept = operator.audit.of_day("est", f"{datetime.now(UTC):%Y-%m-%d}", limit=10_000)
    mine = [(one.action, one.result, one.account_id) for one in kept if one.action == "retry_delivery"]
    assert [("retry_delivery", "allowed", f"operator:{getpass.getuser()}")] == mine


def test_the_rows_of_one_exam_go_whatever_their_age_and_say_what_stays(operator: Operator) -> None:
    operator.row("CLI4", changed_at=datetime.now(UTC) - timedelta(days=9))
    operator.row("CLI4", channel="mss_patient", recipient="PATIENT", state=DeliveryState.WITHDRAWN)

    done = operator.retry("--exam", "CLI4", "--json")

    rows = {one["channel"]: one["outcome"] for one in json.loads(done.stdout)["rows"]}
    assert {"dmp": "retry", "mss_patient": "row_withdrawn"} == rows
    assert ["dispatch-CLI4-1-2-dmp-DMP"] == operator.started("CLI4")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--since", "2 hours"), 2, "30min, 2h"),
        (("--site", "nulle-part"), 1, "ce site n'existe pas"),
        (("--exam", "NOBODY"), 1, "aucun envoi"),
    ],
)
def test_wrong_words_are_told(operator: Operator, words: tuple[str, ...], status: int, said: str) -> None:
    done = operator.retry(*words)

    assert status == done.returncode
    assert said in " ".join(done.stderr.split())


def test_what_is_stuck_is_listed_the_longest_first_with_the_other_side_s_code(operator: Operator) -> None:
    now = datetime.now(UTC)
    operator.row("CLI8", site="sud", changed_at=now - timedelta(hours=3), reason="dmp_fault", remote_code="env:Receiver")
    operator.row(
        "CLI9", site="sud", changed_at=now - timedelta(hours=9), channel="mss_patient", recipient="PATIENT", reason="mailbox_full"
    )

    told = operator.ris("dispatch", "stuck", "sud", "--json")
    shown = operator.ris("dispatch", "stuck", "sud", "--channel", "dmp")

    assert ["CLI9", "CLI8"] == [one["exam"] for one in json.loads(told.stdout)], told.stderr
    assert 1 == told.returncode == shown.returncode
    assert "env:Receiver" in shown.stdout
    assert "CLI9" not in shown.stdout


def test_a_terminal_shows_how_far_the_work_is_and_a_program_gets_clean_json(operator: Operator) -> None:
    operator.row("CLI10")

    terminal = operator.ris("dispatch", "retry", "--exam", "CLI10", "--dry-run", FORCE_COLOR="1")
    program = operator.ris("dispatch", "retry", "--exam", "CLI10", "--dry-run", "--json", FORCE_COLOR="1")

    assert "Relance" in terminal.stderr
    assert "" == program.stderr
    assert json.loads(program.stdout)["dry_run"]
