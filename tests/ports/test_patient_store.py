"""One suite for the patient store: what the memory twin promises, DynamoDB keeps."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest

from ris.adapters.dynamodb import Table
from ris.adapters.identity.dynamodb import DynamoPatientStore
from ris.adapters.identity.memory import MemoryPatientStore
from ris.application.conflicts import Conflict
from ris.domain.identity.patient import Identifier, IdentityStatus, Patient, Traits
from tests.support.cloud import deployed_cloud

cloud = deployed_cloud()
NOW = datetime(2026, 10, 5, 6, 0, 0, 7, tzinfo=UTC)


@pytest.fixture
def run() -> str:
    """Letters nobody else in the session uses, in names and identifiers."""
    return "".join(chr(65 + int(digit, 16)) for digit in uuid4().hex[:8])


@pytest.fixture(params=["memory", "dynamodb"])
def store(request):
    if request.param == "memory":
        return MemoryPatientStore()
    running = request.getfixturevalue("cloud")
    return DynamoPatientStore(Table(running.client("dynamodb"), running.function_env("PortalFunction")["TABLE_PATIENTS"]))


def a_patient(run, number=1, **changes):
    traits = Traits(
        birth_family=f"D'{run}{chr(64 + number)}-ŒUVRE",
        birth_given="Gwénaëlle",
        birth_given_all="Gwénaëlle Zoé",
        used_family="",
        birth_date=date(1975, 12, 31),
        birth_date_text="19751231",
        sex="F",
        birth_place_insee="63220",
        phone="0100000009",
    )
    patient = Patient(
        patient_id=f"p-{run}-{number}",
        traits=traits,
        identifiers=(Identifier(f"{run}-{number}", "1.2.3", "PI"),),
        status=IdentityStatus.PROVISOIRE,
        sites=frozenset({"nord", "sud"}),
        updated_at=NOW,
        consents={"ZFA-9": "INO"},
        capture={"ZFD-3": "Y"},
        reliability=("VIDE", "HOMA"),
    )
    return replace(patient, **changes)


def test_a_patient_comes_back_as_written(store, run):
    first, second = a_patient(run), a_patient(run, 2, traits=Traits("B", "", birth_date_text="19750231"))

    written = [store.save(first), store.save(second)]

    assert written == [replace(first, version=1), replace(second, version=1)]
    assert store.get(first.patient_id) == written[0]
    assert store.get_many([second.patient_id, f"p-{run}-none", first.patient_id]) == {each.patient_id: each for each in written}
    assert store.get(f"p-{run}-none") is None
    assert store.find_by_identifier(first.identifiers[0]) == written[0]
    assert store.find_by_identifier(Identifier(f"{run}-1", "1.2.4", "PI")) is None


def test_a_write_over_another_version_is_a_conflict(store, run):
    read = store.save(a_patient(run))
    store.save(replace(read, status=IdentityStatus.VALIDEE))

    for stale in (read, a_patient(run), replace(a_patient(run), version=7)):
        with pytest.raises(Conflict):
            store.save(stale)

    assert store.get(read.patient_id).status is IdentityStatus.VALIDEE


def test_an_identifier_has_one_owner_and_is_free_again_when_given_up(store, run):
    owner, other = store.save(a_patient(run, 1)), store.save(a_patient(run, 2))
    coveted = owner.identifiers[0]

    with pytest.raises(Conflict):
        store.save(replace(other, identifiers=(*other.identifiers, coveted)))
    assert store.get(other.patient_id) == other

    store.save(replace(owner, identifiers=(Identifier(f"{run}-9", "1.2.3", "PI"),)))
    store.save(replace(other, identifiers=(*other.identifiers, coveted)))
    assert store.find_by_identifier(coveted).patient_id == other.patient_id


def test_value_and_authority_cannot_be_mixed_up(store, run):
    store.save(a_patient(run, 1, identifiers=(Identifier(f"b#{run}", "a", "PI"),)))
    store.save(a_patient(run, 2, identifiers=(Identifier(run, "a#b", "PI"),)))
    store.save(a_patient(run, 3, identifiers=(Identifier(f"23{run}", "a%", "PI"),)))

    assert store.find_by_identifier(Identifier(run, "a#b", "PI")).patient_id == f"p-{run}-2"
    assert store.find_by_identifier(Identifier(run, "a%23b", "PI")) is None


def test_of_two_who_create_the_same_person_one_wins(store, run):
    def create(number):
        try:
            return store.save(a_patient(run, number, identifiers=(Identifier(run, "1.2.3", "PI"),))).patient_id
        except Conflict:
            return None

    with ThreadPoolExecutor(8) as pool:
        created = [each for each in pool.map(create, range(1, 9)) if each]

    assert len(created) == 1
    assert store.find_by_identifier(Identifier(run, "1.2.3", "PI")).patient_id == created[0]


def test_a_search_finds_the_beginning_of_every_name_without_accents_case_or_apostrophe(store, run):
    found = store.save(a_patient(run))
    store.save(a_patient(run, 2, traits=Traits(f"{run}B", "ODILE")))

    for text in (f"d'{run.lower()}a", f"D’{run}A", f"{run}A gwen", f"gwénaëlle {run}a oeu", f"Zoe {run}A", f"  {run}-1 "):
        assert store.search(text, limit=5) == [found], text
    assert store.search(f"{run}A odile", limit=5) == []
    assert store.search("' - .", limit=5) == []
    assert store.search(f"{run}-1 gwen", limit=5) == []


def test_a_search_follows_a_changed_name_and_stops_at_its_limit(store, run):
    saved = store.save(a_patient(run))
    store.save(replace(saved, traits=replace(saved.traits, birth_family=f"X{run}", used_family=f"Y{run}")))
    for number in range(2, 6):
        store.save(a_patient(run, number, traits=Traits(f"Y{run}", f"N{number}")))

    assert store.search(f"{run}A", limit=9) == []
    assert [each.patient_id for each in store.search(f"x{run}", limit=9)] == [saved.patient_id]
    assert len(store.search(f"y{run}", limit=9)) == 5
    assert [each.traits.birth_given for each in store.search(f"y{run}", limit=3)] == ["Gwénaëlle", "N2", "N3"]


@pytest.mark.segur("INS.07", "INS.09", "INS.10")
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [1, 2]),
        ("g", [1]),
        ("z", [1]),
        ("gwenaelle", [1]),
        ("d oeuvre", [1]),
        ("m", [2]),
        ("martine", [2]),
        ("x", []),
        ("-", []),
    ],
)
def test_a_day_of_birth_and_first_letters_find_whoever_was_born_then(store, run, text, found):
    """Birth and used names, first and other given names alike; apostrophes, hyphens and accents overlooked."""
    day = date(1900 + int.from_bytes(run.encode()) % 120, 1 + len(text), 1 + int(run.encode()[0]) % 28)
    first = a_patient(run, 1)
    second = a_patient(run, 2)
    names = {"birth_family": "PETIT", "birth_given": "LUC", "birth_given_all": "", "used_family": "Martine"}
    store.save(replace(first, traits=replace(first.traits, birth_date=day)))
    moved = store.save(replace(second, traits=replace(second.traits, birth_date=day, **names)))
    store.save(a_patient(run, 3))

    mine = {f"p-{run}-{number}": number for number in (1, 2, 3)}
    seen = [mine[one.patient_id] for one in store.search(text, limit=99, born=day) if one.patient_id in mine]

    assert found == sorted(seen)
    store.save(replace(moved, traits=replace(moved.traits, birth_date=None)))
    assert 2 not in [mine.get(one.patient_id) for one in store.search("", limit=99, born=day)]


def test_a_number_and_another_day_of_birth_find_nobody(store, run):
    patient = store.save(a_patient(run))

    assert [patient] == store.search(f"{run}-1", limit=9, born=date(1975, 12, 31))
    assert [] == store.search(f"{run}-1", limit=9, born=date(1975, 12, 30))
