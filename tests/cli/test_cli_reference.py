"""`ris reference` at the terminal: it teaches, it names every fault, it writes once; files, messages and JSON as an operator sees them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ris.adapters.dynamodb import Table
from ris.bootstrap import dispatch
from ris.bootstrap.access import access_services
from ris.cli.app import build
from tests.support.cloud import deployed_cloud
from tests.support.tables import acts_of_operators, own_table, state_file

cloud = deployed_cloud()
DEMO = Path(__file__).parents[2] / "infra" / "local" / "demo" / "reference"
RUNNER = CliRunner()
Edit = Callable[[list[dict[str, Any]]], object]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin each test without a deployment, and leave nothing in the environment."""
    for name in ("TABLE_REFERENCE", "TABLE_AUDIT", "AWS_ENDPOINT_URL", "RIS_STACK_OUTPUTS", "COLUMNS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "SITE_QUEUE_PREFIX", "BUCKET_MESSAGES"):
        monkeypatch.setenv(name, "")
    for cached in (dispatch.client, access_services):
        cached.cache_clear()
    yield
    for cached in (dispatch.client, access_services):
        cached.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO, tmp_path / "reference"))


@pytest.fixture
def state(cloud: Any, tmp_path: Path) -> Path:
    """Return a state file as the embedded cloud writes it, with a reference table of the test's own."""
    return state_file(cloud, tmp_path, ReferenceTable=own_table(cloud), AuditTable=own_table(cloud))


def ris(*words: object) -> Any:
    return RUNNER.invoke(build(), [str(word) for word in words])


def edit(folder: Path, file: str, change: Edit) -> None:
    path = folder / file
    rows = json.loads(path.read_text())
    change(rows)
    path.write_text(json.dumps(rows))


def test_the_demo_group_s_files_are_right() -> None:
    result = ris("reference", "check", DEMO)

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Fichiers justes")


FAULTS: list[tuple[str, str, Edit, str, str]] = [
    ("an RPPS whose key is wrong", "practitioners.json", lambda r: r[0].update(rpps="99900012348"), "ligne 1", "clé de contrôle"),
    ("an RPPS with its 8", "practitioners.json", lambda r: r[0].update(rpps="899900012347"), "champ rpps", "forme inattendue"),
    ("a FINESS whose key is wrong", "sites.json", lambda r: r[1].update(finess_geo="630999119"), "ligne 2", "clé de contrôle"),
    ("a field that is missing", "rooms.json", lambda r: r[2].pop("name"), "ligne 3, champ name", "manque"),
    ("a field nobody knows", "rooms.json", lambda r: r[0].update(colour="blue"), "champ colour", "inconnu"),
    ("a duration in words", "catalogue.json", lambda r: r[0].update(duration_minutes="15"), "champ duration_minutes", "entier"),
    ("a duration of nothing", "catalogue.json", lambda r: r[0].update(duration_minutes=0), "champ duration_minutes", "trop petit"),
    ("a modality DICOM does not know", "modalities.json", lambda r: r[0].update(dicom_modality="SC"), "dicom_modality", "liste"),
    ("an AE title of 17 characters", "modalities.json", lambda r: r[0].update(ae_title="A" * 17), "champ ae_title", "forme"),
    ("an AE title with a blank", "modalities.json", lambda r: r[0].update(ae_title="CT NORD"), "champ ae_title", "forme"),
    ("an AE title twice at a site", "modalities.json", lambda r: r[1].update(ae_title="CT_NORD"), "ligne 2", "double"),
    ("a time zone that is none", "sites.json", lambda r: r[0].update(time_zone="Paris"), "champ time_zone", "fuseau"),
    (
        "a site that closes before it opens",
        "sites.json",
        lambda r: r[0]["opening"].update(mon=["19:00", "08:00"]),
        "ligne 1",
        "mon",
    ),
    ("an hour that is none", "sites.json", lambda r: r[0]["opening"].update(mon=["08:00", "24:30"]), "opening.mon.1", "forme"),
    ("a weekday in French", "sites.json", lambda r: r[0]["opening"].update(lun=["08:00", "19:00"]), "opening.lun", "liste"),
    ("two sites with one IPP domain", "sites.json", lambda r: r[1].update(ipp_authority="1.2.250.1.99999.1"), "ligne 2", "double"),
    (
        "a site of an unknown entity",
        "sites.json",
        lambda r: r[0].update(legal_entity="670999101"),
        "champ legal_entity",
        "inconnue",
    ),
    ("a room at an unknown site", "rooms.json", lambda r: r[0].update(site="ouest"), "champ site", "site inconnu"),
    (
        "a room whose modality stands elsewhere",
        "rooms.json",
        lambda r: r[0].update(modalities=["mammographe"]),
        "ligne 1",
        "mammographe",
    ),
    ("a room without modality", "rooms.json", lambda r: r[0].update(modalities=[]), "champ modalities", "au moins un"),
    ("a room named as a modality", "rooms.json", lambda r: r[0].update(room="scanner"), "champ room", "modalité"),
    ("a site name that is no slug", "sites.json", lambda r: r[0].update(site="Nord"), "champ site", "forme"),
    (
        "an answer told where no worklist has a place",
        "catalogue.json",
        lambda r: r[0]["questions"][0].update(told_in="PatientComments"),
        "questions.0.told_in",
        "liste",
    ),
    (
        "an answer too long for an LO",
        "catalogue.json",
        lambda r: r[0]["questions"][0].update(told_as="x" * 65),
        "questions.0.told_as",
        "long",
    ),
    ("an exam twice", "catalogue.json", lambda r: r.append(dict(r[0])), "ligne 13", "double"),
    ("a role that is none", "accounts.json", lambda r: r[0]["roles"].update(nord=["admin"]), "roles.nord.0", "receptionist"),
    (
        "a role at an unknown site",
        "accounts.json",
        lambda r: r[0]["roles"].update(ouest=["it"]),
        "champ roles.ouest",
        "site inconnu",
    ),
    ("a right that is none", "accounts.json", lambda r: r[0].update(rights=["everything"]), "champ rights.0", "attendu"),
    ("an account nobody can open", "accounts.json", lambda r: r[0].update(logins=[]), "champ logins", "au moins un"),
    (
        "a PSC subject with its 8",
        "accounts.json",
        lambda r: r[10]["logins"][1].update(subject="899900012347"),
        "ligne 11",
        "sans le 8",
    ),
    ("one login for two accounts", "accounts.json", lambda r: r[1].update(logins=r[0]["logins"]), "champ logins", "deux comptes"),
    ("a row that is no object", "legal_entities.json", lambda r: r.insert(0, "x"), "ligne 1", "objet"),  # type: ignore[arg-type]
    ("no site at all", "sites.json", lambda r: r.clear(), "sites.json", "au moins un site"),
]


@pytest.mark.parametrize(("file", "change", "place", "rule"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_a_fault_is_named_by_file_row_field_and_rule(folder: Path, file: str, change: Edit, place: str, rule: str) -> None:
    edit(folder, file, change)

    result = ris("reference", "load", folder)

    assert result.exit_code == 1
    assert any(line.startswith(file) and place in line and rule in line for line in result.stderr.splitlines()), result.stderr
    assert "rien n'a été écrit" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("content", "rule"),
    [(b"[{]", "JSON invalide (ligne de texte 1)"), (b"{}", "une liste"), (b"[\xe9]", "UTF-8"), (None, "fichier absent")],
)
def test_a_file_that_cannot_be_read_is_named(folder: Path, content: bytes | None, rule: str) -> None:
    path = folder / "rooms.json"
    path.unlink() if content is None else path.write_bytes(content)

    result = ris("reference", "check", folder)

    assert result.exit_code == 1
    assert f"rooms.json : {rule}" in result.stderr or rule in result.stderr


def test_all_faults_are_told_at_once_and_as_json_for_programs(folder: Path) -> None:
    edit(folder, "rooms.json", lambda rows: rows[0].pop("name"))
    edit(folder, "practitioners.json", lambda rows: rows[1].update(rpps="1"))

    result = ris("reference", "check", folder, "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["faults"] == [
        {"file": "rooms.json", "row": 1, "field": "name", "rule": "manque"},
        {"file": "practitioners.json", "row": 2, "field": "rpps", "rule": "forme inattendue"},
    ]


def test_a_byte_order_mark_of_a_spreadsheet_is_no_fault(folder: Path) -> None:
    path = folder / "rooms.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    assert ris("reference", "check", folder).exit_code == 0


def test_a_group_is_loaded_once_changed_and_shown(cloud: Any, state: Path, folder: Path) -> None:
    audit = Table(cloud.client("dynamodb"), json.loads(state.read_text())["outputs"]["AuditTable"])
    dry = ris("--stack-outputs", state, "reference", "load", folder, "--dry-run", "--json")
    none = ris("--stack-outputs", state, "site", "list")
    assert acts_of_operators(audit, "-") == []
    first = ris("--stack-outputs", state, "reference", "load", folder)
    assert acts_of_operators(audit, "-") == [("load_reference", "-", "allowed", "")]
    second = ris("--stack-outputs", state, "reference", "load", folder)
    edit(folder, "rooms.json", lambda rows: rows.pop(3))
    edit(folder, "modalities.json", lambda rows: rows[0].update(name="Scanner neuf"))
    third = ris("--stack-outputs", state, "reference", "load", folder, "--json")
    sites = ris("--stack-outputs", state, "site", "list", "--json")

    assert [result.exit_code for result in (dry, none, first, second, third, sites)] == [0] * 6, third.output
    assert json.loads(dry.stdout)["dry_run"] is True
    assert {change["verb"] for change in json.loads(dry.stdout)["changes"]} == {"add"}
    assert "Aucun site" in none.stdout
    assert "Rien à changer." in second.stdout
    changes = {(change["verb"], change["kind"], change["key"]) for change in json.loads(third.stdout)["changes"]}
    assert {("remove", "room", "nord salle-radio"), ("change", "modality", "nord scanner")} <= changes
    nord = json.loads(sites.stdout)[0]
    assert (nord["site"], nord["gateway_ae_title"]) == ("nord", "RIS_NORD")
    assert nord["rooms"] == ["salle-scanner", "salle-irm", "salle-echo"]


def test_the_variables_of_the_environment_name_a_deployment_too(cloud: Any, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cloud.aws_environment("operator").items():
        monkeypatch.setenv(name, value)
    for name in ("REFERENCE", "AUDIT"):
        monkeypatch.setenv(f"TABLE_{name}", json.loads(state.read_text())["outputs"][f"{name.title()}Table"])

    result = ris("reference", "load", DEMO, "--json")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["unchanged"] == 0
