"""`ris usage` as an operator runs it: a process of its own against a table with facts."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from infra.local.cloud.client import ROOT, Cloud
from ris.adapters.dynamodb import Table, write
from ris.adapters.reference.dynamodb import DynamoReferenceTable
from ris.adapters.reference.files import read_folder
from ris.adapters.usage.dynamodb import fact_write
from ris.application.load_reference import load_reference
from tests.support.cloud import deployed_cloud
from tests.support.forks import ris
from tests.support.tables import acts_of_operators, own_table, state_file
from tests.support.usage import FINESS, SIGNATORIES, fact, noon

cloud = deployed_cloud()
MARCH = ("--from", "2026-03-01", "--to", "2026-03-31")


@dataclass
class Operator:
    """The command against one deployment."""

    state: Path
    folder: Path
    usage: Table
    audit: Table

    def ris(self, *words: str) -> subprocess.CompletedProcess[str]:
        return ris(self.state, "usage", *words)


@pytest.fixture(scope="module")
def operator(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    reference, usage, audit = own_table(cloud), own_table(cloud), own_table(cloud)
    usage.client.update_table(
        TableName=usage.name,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "file_pk", "file_at")],
        GlobalSecondaryIndexUpdates=[
            {
                "Create": {
                    "IndexName": "file",
                    "KeySchema": [
                        {"AttributeName": "file_pk", "KeyType": "HASH"},
                        {"AttributeName": "file_at", "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
            }
        ],
    )
    load_reference(DynamoReferenceTable(reference), read_folder(ROOT / "infra/local/demo/reference"), now=datetime.now(UTC))
    facts = [fact(f"2600000000{n}", noon(2026, 3, n), kind="validated", plan=("dmp:pending:",)) for n in (1, 2, 3)]
    facts += [fact("26000000001", noon(2026, 3, 4)), fact("26000000002", noon(2026, 3, 4), author=SIGNATORIES[1])]
    facts += [fact("26000000001", noon(2026, 4, 4), report_version=2)]
    for each in facts:
        write(usage.client, [fact_write(usage, each)])
    folder = tmp_path_factory.mktemp("cli-usage")
    state = state_file(cloud, folder, ReferenceTable=reference, UsageTable=usage, AuditTable=audit)
    return Operator(state, folder, usage, audit)


def test_a_recount_says_which_days_were_not_right_and_then_there_are_none(operator: Operator) -> None:
    seen = operator.ris("recount", "nord", *MARCH, "--dry-run", "--json")
    assert (seen.returncode, seen.stderr) == (0, "")
    assert [each["day"] for each in json.loads(seen.stdout)["changed"]] == [f"2026-03-0{n}" for n in (1, 2, 3, 4)]
    assert acts_of_operators(operator.audit, "nord") == []
    assert "2026-03-04" in operator.ris("recount", "nord", *MARCH).stdout
    assert acts_of_operators(operator.audit, "nord") == [("recount_usage", "2026-03", "allowed", "")]

    assert "comme les faits le disent" in operator.ris("recount", *MARCH).stdout
    assert (
        json.loads(operator.ris("recount", "nord", "--from", "2026-04-01", "--to", "2026-04-30", "--json").stdout)["changed"] == []
    )

    table = operator.ris("export", *MARCH, "--finess", FINESS["nord"])
    rows = list(csv.DictReader(io.StringIO(table.stdout.removeprefix("\ufeff"), newline=""), delimiter=";"))
    whole = {row["Code"]: (row["Total"], row["Taux (%)"]) for row in rows if row["Niveau"] == "ensemble"}
    assert (whole["validated"], whole["dmp"], whole["files_all"]) == (("3", ""), ("2", "66,67"), ("0", "0,00"))

    one = json.loads(operator.ris("export", *MARCH, "--rpps", SIGNATORIES[1], "--format", "json").stdout)
    assert [each["total"] for each in one if (each["level"], each["code"]) == ("ensemble", "dmp")] == [1]

    path = operator.folder / "usage.xlsx"
    said = operator.ris("export", *MARCH, "--format", "xlsx", "-o", str(path))
    assert (said.returncode, "chiffres" in said.stdout) == (0, True)
    assert openpyxl.load_workbook(path)["dmp"]["I2"].value == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("export", "--from", "2026-02-30"), "un jour s'écrit AAAA-MM-JJ"),
        (("export", "--from", "2026-03-02", "--to", "2026-03-01"), "le premier jour est après le dernier"),
        (("recount", "--from", "2010-01-01", "--to", "2026-03-01"), "la période dépasse cinq ans"),
        (("export", "--format", "pdf"), "--format"),
    ],
)
def test_a_wrong_option_is_named_with_its_rule(operator: Operator, words: tuple[str, ...], says: str) -> None:
    refused = operator.ris(*words)

    assert refused.returncode == 2
    assert says in refused.stderr


def test_an_unknown_site_is_told_in_a_sentence(operator: Operator) -> None:
    refused = operator.ris("recount", "nowhere", *MARCH)

    assert acts_of_operators(operator.audit, "nowhere") == []
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
