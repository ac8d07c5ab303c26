"""The national directory: who is found by what, what is not exposed, and what its extracts hold."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from infra.local.children import Children, python
from infra.local.services.directory import PEOPLE, Directory, DirectoryDoors
from infra.local.services.directory_people import METADATA, Known
from ris.adapters.dispatch.extract import PipedExtract
from tests.support.mss import mail_tls
from tests.support.national import control, make_pki
from tests.support.waiting import until

KEY = {"ESANTE-API-KEY": "essai"}
RPPS, OTHER, FINESS = "99900090012", "99900090020", "630999209"


@pytest.fixture
def directory() -> Iterator[DirectoryDoors]:
    doors = DirectoryDoors(Directory(people=PEOPLE, keys=["essai"], page_size=2))
    yield doors
    doors.close()


def get(directory: DirectoryDoors, path: str, headers: dict[str, str] | None = KEY) -> tuple[int, dict[str, Any]]:
    got = urllib3.request("GET", f"{directory.status['url']}/{path}", headers=headers, retries=False)
    return got.status, json.loads(got.data)


def ids(bundle: dict[str, Any], mode: str = "match") -> list[str]:
    return [entry["resource"]["id"] for entry in bundle["entry"] if entry["search"]["mode"] == mode]


def mailbox(resource: dict[str, Any]) -> dict[str, Any]:
    """Return address, kind and mark of the only mailbox."""
    (telecom,) = resource["telecom"]
    (said,) = (one["extension"] for one in telecom["extension"] if one["url"] == METADATA)
    found = {one["url"]: next(v for k, v in one.items() if k.startswith("value")) for one in said}
    return {"address": telecom["value"], "kind": found["type"]["coding"][0]["code"], "red": found["listeRouge"]}


@pytest.mark.parametrize("value", [RPPS, f"8{RPPS}", f"https://rpps.esante.gouv.fr|{RPPS}", f"urn:oid:1.2.250.1.71.4.2.1|8{RPPS}"])
def test_a_person_is_found_by_rpps(directory: DirectoryDoors, value: str) -> None:
    status, bundle = get(directory, f"Practitioner?identifier={value}")

    assert (status, bundle["type"], ids(bundle)) == (200, "searchset", [f"p-{RPPS}"])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Practitioner?identifier=https://rpps.esante.gouv.fr|8" + RPPS, []),
        (f"Practitioner?identifier={RPPS},{OTHER}", [f"p-{RPPS}", f"p-{OTHER}"]),
        ("Practitioner?family=modele", [f"p-{OTHER}"]),
        ("Practitioner?name=helene", ["p-99900012347"]),
        ("Practitioner?mailbox-mss=luc", ["p-99999999990"]),
        ("Practitioner?mailbox-mss:exact=luc", []),
        ("PractitionerRole?mailbox-mss:contains=MODELE", [f"r-{OTHER}-{FINESS}"]),
        (f"PractitionerRole?practitioner=p-{RPPS}", [f"r-{RPPS}-{FINESS}"]),
        (f"PractitionerRole?organization=Organization/o-{FINESS}", [f"r-{RPPS}-{FINESS}", f"r-{OTHER}-{FINESS}"]),
        (f"Organization?identifier={FINESS}", [f"o-{FINESS}"]),
        (f"Organization?identifier=1{FINESS}&active=true", [f"o-{FINESS}"]),
        ("Organization?name=centre hosp", [f"o-{FINESS}"]),
    ],
)
def test_parameters_say_what_is_found(directory: DirectoryDoors, query: str, expected: list[str]) -> None:
    status, bundle = get(directory, query)

    assert (status, ids(bundle), bundle["total"]) == (200, expected, len(expected))


def test_mailboxes_stand_where_they_belong_and_a_red_list_is_said(directory: DirectoryDoors) -> None:
    person = get(directory, "Practitioner/p-99999999990")[1]
    role = get(directory, f"PractitionerRole/r-{OTHER}-{FINESS}")[1]
    structure = get(directory, f"Organization/o-{FINESS}")[1]

    assert mailbox(person) == {"address": "luc.exemple@demo.mssante.fr", "kind": "PER", "red": False}
    assert mailbox(role) == {"address": "karim.modele@autre.mssante.fr", "kind": "PER", "red": True}
    assert mailbox(structure)["kind"] == "ORG"
    assert "telecom" not in get(directory, f"Practitioner/p-{RPPS}")[1]


def test_pages_follow_each_other_and_include_once(directory: DirectoryDoors) -> None:
    _, first = get(
        directory, "PractitionerRole?_count=2&_include=PractitionerRole:practitioner&_include=PractitionerRole:organization"
    )
    links = {link["relation"]: link["url"] for link in first["link"]}
    second = json.loads(urllib3.request("GET", links["next"], headers=KEY).data)

    assert first["total"] == 3
    assert [len(ids(one)) for one in (first, second)] == [2, 1]
    assert ids(first, "include") == [f"p-{RPPS}", f"p-{OTHER}", f"o-{FINESS}"]
    assert "next" not in {link["relation"] for link in second["link"]}


def test_a_search_may_be_posted(directory: DirectoryDoors) -> None:
    form = {**KEY, "Content-Type": "application/x-www-form-urlencoded"}
    got = urllib3.request("POST", f"{directory.status['url']}/Practitioner/_search", headers=form, body=f"identifier={RPPS}")

    assert ids(json.loads(got.data)) == [f"p-{RPPS}"]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "Practitioner?identifier=1", {}, 401),
        ("GET", "Practitioner?identifier=1", {"ESANTE-API-KEY": "other"}, 401),
        ("GET", "Practitioner?mailbox-mss-type=PER", KEY, 400),
        ("GET", "Practitioner?identifier=", KEY, 400),
        ("GET", "Practitioner?_count=0", KEY, 400),
        ("GET", "Practitioner?_include=PractitionerRole:practitioner", KEY, 400),
        ("GET", "Device", KEY, 404),
        ("GET", "Practitioner/p-1", KEY, 404),
        ("POST", "", KEY, 404),
        ("PUT", "Practitioner/p-1", KEY, 405),
        ("POST", "Practitioner", KEY, 405),
    ],
)
def test_refusals_are_outcomes(directory: DirectoryDoors, method: str, path: str, headers: dict[str, str], status: int) -> None:
    got = urllib3.request(method, f"{directory.status['url']}/{path}", headers=headers)

    assert got.status == status
    assert json.loads(got.data)["resourceType"] == "OperationOutcome"


def test_failures_come_as_told(directory: DirectoryDoors) -> None:
    door = directory.status["control"]
    control(door, schedule={"search": [{"fault": "429", "retry_after": 7}, "503", "cut"]})
    url = f"{directory.status['url']}/Practitioner?identifier={RPPS}"
    busy = urllib3.request("GET", url, headers=KEY, retries=False)

    assert (busy.status, busy.headers["Retry-After"]) == (429, "7")
    assert urllib3.request("GET", url, headers=KEY, retries=False).status == 503
    with pytest.raises(urllib3.exceptions.ProtocolError):
        urllib3.request("GET", url, headers=KEY, retries=False)
    assert get(directory, f"Practitioner?identifier={RPPS}")[0] == 200
    assert control(door)["search"] == {"Practitioner 429": 1, "Practitioner 503": 1, "Practitioner cut": 1, "Practitioner 200": 1}


def test_the_extract_of_activities_has_a_line_for_each(directory: DirectoryDoors) -> None:
    text = urllib3.request("GET", f"{directory.status['extract']}/PS_LibreAcces_Personne_activite.txt").data.decode()
    header, *lines = [line.split("|") for line in text.splitlines()]

    assert len(header) == 57
    assert {len(line) for line in lines} == {57}
    rows = [dict(zip(header, line, strict=True)) for line in lines]
    assert [(row["Identification nationale PP"], row["Numéro FINESS site"]) for row in rows] == [
        ("899999999990", ""), (f"8{RPPS}", FINESS), (f"8{OTHER}", FINESS), ("899900012347", "630999100")
    ]  # fmt: skip
    zipped = urllib3.request("GET", f"{directory.status['extract']}/PS_LibreAcces.zip").data
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        (name,) = archive.namelist()
        assert name.startswith("PS_LibreAcces_Personne_activite_2")
        assert archive.read(name).decode() == text


def test_the_extract_of_mailboxes_is_what_the_product_reads(directory: DirectoryDoors) -> None:
    text = urllib3.request("GET", f"{directory.status['extract']}/Extraction_Correspondance_MSSante.txt").data.decode()
    found = [(one.address, one.kind, one.rpps, one.structure) for one in PipedExtract().mailboxes(iter(text.splitlines())) if one]

    assert found == [
        ("luc.exemple@demo.mssante.fr", "PER", "99999999990", ""),
        ("anne.fictive@autre.mssante.fr", "PER", RPPS, FINESS),
        ("secretariat.pneumologie@autre.mssante.fr", "ORG", "", FINESS),
        ("ris.volcans@demo.mssante.fr", "APP", "", "630999100"),
    ]


def test_an_extract_may_come_half(directory: DirectoryDoors) -> None:
    url = f"{directory.status['extract']}/Extraction_Correspondance_MSSante.txt"
    whole = urllib3.request("GET", url).data
    control(directory.status["control"], schedule={"extract": ["half"]})

    assert urllib3.request("GET", url).data == whole[: len(whole) // 2]
    assert urllib3.request("GET", f"{directory.status['extract']}/other.txt").status == 404


def test_what_is_known_changes_on_command_and_nonsense_is_refused(directory: DirectoryDoors, tmp_path: Path) -> None:
    head = Path(PEOPLE[0]).read_text().splitlines()[0]
    for line in ("1;A;B;10;;;;;x@y.fr;FAX;;", ";;;;;;;;x@y.fr;ORG;;", "1;A;B;10;;;;;;PER;;"):
        (tmp_path / "p.csv").write_text(f"{head}\n{line}\n")
        with pytest.raises(ValueError, match="a mailbox is"):
            Known.read([tmp_path / "p.csv"])
    (tmp_path / "p.csv").write_text(f"{head}\n12345678901;A;B;10;;;;;a.b@c.mssante.fr;PER;;\n")
    control(directory.status["control"], people=[str(tmp_path / "p.csv")])

    assert ids(get(directory, "Practitioner")[1]) == ["p-12345678901"]


def test_it_runs_as_a_process_behind_tls(tmp_path: Path) -> None:
    pki = make_pki(tmp_path)
    config = {"status_file": str(tmp_path / "status.json"), "keys": ["essai"], "tls": pki.files}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with Children() as children:
        children.spawn("directory", python("infra.local.services.directory", "--config", str(tmp_path / "config.json")))
        status = json.loads(until(lambda: (tmp_path / "status.json").exists() and (tmp_path / "status.json").read_text()))
        with urllib3.PoolManager(ssl_context=mail_tls(pki, None)) as pool:
            got = pool.request("GET", f"{status['url']}/Practitioner?identifier={RPPS}", headers=KEY)

    assert got.status == 200
