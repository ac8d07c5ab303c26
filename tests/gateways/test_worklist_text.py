"""What a station can read: transliteration, names of at most 64 characters, data sets there and back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from gateways.edge.dicom import datasets
from gateways.edge.dicom.charset import shorten_name, to_latin_1
from gateways.edge.dicom.items import Item, read_items
from gateways.edge.dicom.matching import compile_query
from gateways.edge.dicom.values import fold_name
from tests.support.dicom import answered
from tests.support.worklist import an_item, encoded, query, step

LONG = "RAKOTOMALALA-ANDRIANAMPOINIMERINA DE LA ROCHE SAINT-SAUVEUR^MARIE-MADELEINE BERNADETTE EUGENIE^ODETTE^MME"


@pytest.mark.parametrize(
    ("value", "latin_1"),
    [
        ("Échographie du cœur, 60 €", "Échographie du coeur, 60 EUR"),
        ("ŒUVRE ŸVES", "OEUVRE YVES"),
        ("L’HAŸ – « Nord »", "L'HAÿ – « Nord »".replace("–", "-")),
        ("Łukasz Dvořák", "Lukasz Dvorák"),
        ("≤ 5 mm", "<= 5 mm"),
        ("Жан", "???"),
        ("a\u0301", "á"),
    ],
)
def test_text_for_latin_1(value: str, latin_1: str) -> None:
    result = to_latin_1(value)

    assert len(result) == len(result.encode("latin-1"))
    if value != "L’HAŸ – « Nord »":
        assert latin_1 == result


@given(st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_becomes_latin_1_without_control_characters_above_ascii(value: str) -> None:
    encoded_text = to_latin_1(value).encode("latin-1")

    assert not any(0x80 <= byte <= 0x9F for byte in encoded_text)


def test_a_long_name_keeps_the_beginning_of_the_birth_name() -> None:
    short = "RAKOTOMALALA-ANDRIANAMPOINIMERINA DE LA ROCHE SAINT-SAUVEU^MARIE"

    assert 64 == len(short)
    assert short == shorten_name(LONG)


@pytest.mark.parametrize(
    ("name", "shortened"),
    [
        ("DUPONT^MARIE", "DUPONT^MARIE"),
        ("A" * 64, "A" * 64),
        ("A" * 70, "A" * 64),
        ("A" * 50 + "^" + "B" * 40, "A" * 43 + "^" + "B" * 20),
        ("DUPONT^MARIE CLAIRE^" + "X" * 60, "DUPONT^MARIE CLAIRE"),
        ("A" * 70 + "=" + "B" * 10, "A" * 64 + "=" + "B" * 10),
    ],
)
def test_only_what_must_go_goes(name: str, shortened: str) -> None:
    assert shortened == shorten_name(name)


@given(st.text("AB -^", min_size=1, max_size=150))
@settings(max_examples=300, deadline=None)
def test_every_name_fits_and_begins_as_it_did(name: str) -> None:
    short = shorten_name(name)

    assert len(short) <= 64
    if len(name) > 64:
        assert name.split("^")[0].startswith(short.split("^")[0])


def shown(item: Item, charset: str, *, implicit: bool = False) -> Dataset:
    """Return what a station of this set reads when it asks for names and descriptions."""
    asked = query(PatientName="", RequestedProcedureDescription="", ReferringPhysicianName="")
    return answered(compile_query(asked, implicit=implicit), item, charset)


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize(
    ("station", "name", "description"),
    [
        ("ISO_IR 6", "LEFEVRE^HELENE", "Coeur"),
        ("ISO_IR 100", "LEFÈVRE^HÉLÈNE", "Coeur"),
        ("ISO_IR 192", "LEFÈVRE^HÉLÈNE", "Cœur"),
    ],
)
def test_what_a_station_gets_is_the_text_in_its_set(station: str, name: str, description: str, implicit: bool) -> None:
    item = an_item(1, PatientName="LEFÈVRE^HÉLÈNE", RequestedProcedureDescription="Cœur", SpecificCharacterSet="ISO_IR 192")

    read = shown(item, station, implicit=implicit)

    assert ("" if station == "ISO_IR 6" else station) == read.get("SpecificCharacterSet", "")
    assert (name, description) == (str(read.PatientName), read.RequestedProcedureDescription)


def test_a_character_set_is_named_only_where_a_character_needs_it_or_it_was_asked_for() -> None:
    accented = an_item(1, RequestingPhysician="É", SpecificCharacterSet="ISO_IR 192")

    assert "SpecificCharacterSet" not in shown(an_item(1), "ISO_IR 100")
    assert "SpecificCharacterSet" not in shown(accented, "ISO_IR 100"), "what needs it was not asked for"
    asked = compile_query(query(SpecificCharacterSet="ISO_IR 100", PatientName=""))
    assert "ISO_IR 100" == answered(asked, an_item(1), "ISO_IR 100").SpecificCharacterSet


def test_identifiers_are_never_cut_and_descriptions_are() -> None:
    long_id = "IPP-2026-" + "1" * 70
    read = shown(an_item(1, PatientID=long_id, RequestedProcedureDescription="x" * 100), "ISO_IR 100")

    assert (long_id, 64) == (read.PatientID, len(read.RequestedProcedureDescription))


@pytest.mark.parametrize(
    ("identifier", "station", "charset"),
    [
        ("É-77", "ISO_IR 100", "ISO_IR 100"),
        ("É-77", "ISO_IR 6", "ISO_IR 100"),
        ("œ-77", "ISO_IR 100", "ISO_IR 192"),
        ("Ж-77", "ISO_IR 6", "ISO_IR 192"),
    ],
)
def test_an_identifier_is_never_changed(identifier: str, station: str, charset: str) -> None:
    read = shown(an_item(1, PatientID=identifier, PatientName="LEFÈVRE^ŒDIPE", SpecificCharacterSet="ISO_IR 192"), station)

    assert (read.PatientID, read.SpecificCharacterSet) == (identifier, charset)


@pytest.mark.parametrize("implicit", [True, False])
def test_an_answer_is_what_the_library_would_write(implicit: bool) -> None:
    """Ours joins bytes; pydicom writes the same data set from its elements."""
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "C1", "LOCAL", "Échographie"
    source = step(1, SpecificCharacterSet="ISO_IR 192", RequestedProcedureCodeSequence=Sequence([code, code]), PregnancyStatus=4)
    asked = query(
        {"ScheduledPerformingPhysicianName": "", "ScheduledProcedureStepDescription": ""},
        SpecificCharacterSet="",
        **{one.keyword: "" for one in source if one.VR not in ("SQ", "US") and one.keyword != "SpecificCharacterSet"},
    )
    asked.PregnancyStatus = None
    asked.RequestedProcedureCodeSequence = Sequence([])

    for keyword in ("Modality", "ScheduledStationAETitle", "ScheduledProcedureStepStartDate", "ScheduledStationName"):
        setattr(asked.ScheduledProcedureStepSequence[0], keyword, "")
    shape = compile_query(asked, implicit=implicit).shape
    assert encoded(source, implicit=implicit) == shape.answer(read_items(source)[0].forms["ISO_IR 192", implicit])


@pytest.mark.parametrize("implicit", [True, False])
def test_of_a_sequence_only_what_is_named_comes(implicit: bool) -> None:
    code, wanted = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "C1", "LOCAL", "Thorax"
    wanted.CodeValue = wanted.CodeMeaning = ""
    asked = query(RequestedProcedureCodeSequence=Sequence([wanted]))

    read = answered(compile_query(asked, implicit=implicit), an_item(1, RequestedProcedureCodeSequence=Sequence([code])))

    (one,) = read.RequestedProcedureCodeSequence
    assert ("C1", "Thorax", False) == (one.CodeValue, one.CodeMeaning, "CodingSchemeDesignator" in one)


def test_a_data_set_cut_short_is_no_data_set() -> None:
    whole = encoded(step(1))
    for length in range(1, len(whole)):
        try:
            read = datasets.decode(whole[:length], implicit=False)
        except datasets.Undecodable:
            continue
        kept = encoded(read)
        assert whole.startswith(kept)
        assert length - len(kept) < 8, "more than the beginning of an element is missing"


@pytest.mark.parametrize("implicit", [True, False])
def test_a_number_or_text_that_is_none_keeps_the_others(implicit: bool) -> None:
    body = encoded(step(1, PatientWeight="70.5", SpecificCharacterSet="ISO_IR 192"), implicit=implicit)
    body = body.replace(b"70.5", b"70,5").replace(b"ESSAI^LOU", b"ESSAI^L\xffU")

    document = datasets.to_json(datasets.decode(body, implicit=implicit, liberal=True))

    assert ["IPP-1"] == document["00100020"]["Value"]
    assert ["70,5"] == document["00101030"]["Value"]
    assert "00100010" in document


def test_folding_is_the_same_twice() -> None:
    assert fold_name(LONG) == fold_name(fold_name(LONG))


def test_a_cut_data_set_is_refused_in_every_thread_at_once() -> None:
    whole = encoded(step(1))
    cut, good = whole[:-1], whole

    def read(number: int) -> bool:
        try:
            datasets.decode(cut if number % 2 else good, implicit=False)
        except datasets.Undecodable:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert [number % 2 == 0 for number in range(400)] == list(pool.map(read, range(400)))
