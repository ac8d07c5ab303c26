"""Matching of PS3.4 annex K, key by key, and what an answer holds."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from gateways.edge.dicom import datasets, keys
from gateways.edge.dicom.items import BadItem, read_items
from gateways.edge.dicom.matching import QueryFault, compile_query, read_query
from gateways.edge.dicom.values import wildcard
from gateways.edge.dicom.worklist import Worklist
from tests.support.dicom import answered
from tests.support.gateway import NOW
from tests.support.worklist import an_item, encoded, query, step


def found(key: Dataset, **values: Any) -> bool:
    compiled = read_query(encoded(key), implicit=False, station_charset="ISO_IR 100")
    return compiled.matches(an_item(**values))


@pytest.mark.parametrize(
    ("key", "name", "expected"),
    [
        ("DUPONT^MARIE", "DUPONT^MARIE^^^", True),
        ("DUPONT^MARIE^^^", "DUPONT^MARIE", True),
        ("dupont^marie", "DUPONT^MARIE", True),
        ("DUPONT", "DUPONT^MARIE", False),
        ("DUPONT*", "DUPONT^MARIE", True),
        ("DUPONT^MARIE^*", "DUPONT^MARIE", True),
        ("*^MARIE", "DUPONT^MARIE", True),
        ("D?PONT^*", "DUPONT^MARIE", True),
        ("LEFEVRE^*", "LEFÈVRE^HÉLÈNE", True),
        ("LEFÈVRE^*", "LEFEVRE^HELENE", True),
        ("SOEUR^NOELLE", "SŒUR^NOËLLE", True),
        ("D'ARC^*", "D’ARC^JEANNE", True),
        ("ESSAI^LOU", "ESSAI^LOU=別の^名", True),
        ("*", "DUPONT^MARIE", True),
        ("", "DUPONT^MARIE", True),
        ("DURAND*", "DUPONT^MARIE", False),
    ],
)
def test_names(key: str, name: str, expected: bool) -> None:
    charset = "ISO_IR 192"
    asked = query(PatientName=key, SpecificCharacterSet=charset)

    assert expected == found(asked, PatientName=name, SpecificCharacterSet=charset)


@pytest.mark.parametrize(
    ("key", "station", "expected"),
    [
        ("CT1", "CT1", True),
        ("CT1 ", "CT1\0", True),
        ("CT3", ["CT1", "CT3"], True),
        (["CT9", "CT3"], ["CT1", "CT3"], True),
        ("CT*", "CT1", True),
        ("*", "CT1", True),
        ("?T1", "CT1", True),
        ("ct1", "CT1", False),
        ("CT2", ["CT1", "CT3"], False),
    ],
)
def test_stations(key: Any, station: Any, expected: bool) -> None:
    assert expected == found(query({"ScheduledStationAETitle": key}), ScheduledStationAETitle=station)


@pytest.mark.parametrize(
    ("day", "time", "expected"),
    [
        ("20260302", "", True),
        ("20260301-20260303", "", True),
        ("20260302-", "", True),
        ("-20260301", "", False),
        ("2026.03.02", "", True),
        ("*", "*", True),
        ("20260302", "23", False),
        ("20260302", "2330", True),
        ("", "233000.0-235959", True),
        ("20260302-20260303", "2300-0100", True),
        ("20260302-20260303", "2331-0100", False),
        ("20260301-20260302", "2300-2329", False),
        ("20260301-20260302", "0800-2330", True),
        ("20260302", "2300-2359", True),
        ("20260302-", "2331-", False),
        ("-20260302", "-2330", True),
        ("-20260302", "-2329", False),
    ],
)
def test_dates_and_times(day: str, time: str, expected: bool) -> None:
    key = query({"ScheduledProcedureStepStartDate": day, "ScheduledProcedureStepStartTime": time})

    assert expected == found(key, ScheduledProcedureStepStartDate="20260302", ScheduledProcedureStepStartTime="2330")


def test_two_ranges_are_one_period_over_midnight() -> None:
    night = query({"ScheduledProcedureStepStartDate": "20260302-20260303", "ScheduledProcedureStepStartTime": "2200-0600"})
    steps = [("20260302", "2330", True), ("20260303", "0030", True), ("20260303", "1200", False), ("20260302", "2100", False)]

    for day, time, expected in steps:
        assert expected == found(night, ScheduledProcedureStepStartDate=day, ScheduledProcedureStepStartTime=time)


@pytest.mark.parametrize("shape", ["absent", "no item", "empty item", "stars", "empty keys"])
def test_a_missing_or_empty_step_sequence_matches_everything(shape: str) -> None:
    key = query({"absent": None, "no item": {}, "empty item": {}}.get(shape, {"Modality": "*" if shape == "stars" else ""}))
    if shape == "no item":
        key.ScheduledProcedureStepSequence = Sequence([])
    compiled = read_query(encoded(key), implicit=False, station_charset="ISO_IR 100")
    item = an_item()

    assert compiled.matches(item)
    inner = answered(compiled, item).ScheduledProcedureStepSequence[0]
    assert ("CT", "CT1", "20260302", "083000", "SPS1") == (
        inner.Modality,
        inner.ScheduledStationAETitle,
        inner.ScheduledProcedureStepStartDate,
        inner.ScheduledProcedureStepStartTime,
        inner.ScheduledProcedureStepID,
    )


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (query(PatientID="IPP-1"), True),
        (query(PatientID="ipp-1"), False),
        (query(PatientID="IPP-*"), True),
        (query(AccessionNumber="ACC1"), True),
        (query(AccessionNumber="ACC"), False),
        (query(StudyInstanceUID="1.2.250.1.99999.1"), True),
        (query(StudyInstanceUID=["1.2.3", "1.2.250.1.99999.1"]), True),
        (query(RequestedProcedureID="RP1"), True),
        (query(PatientBirthDate="19800101"), True),
        (query(PatientBirthDate="19790101-19791231"), False),
        (query({"Modality": "CT"}), True),
        (query({"Modality": ["MR", "CT"]}), True),
        (query({"Modality": "MR"}), False),
        (query({"ScheduledProcedureStepID": "SPS1"}, PatientID="IPP-1"), True),
        (query({"ScheduledProcedureStepID": "SPS1"}, PatientID="IPP-2"), False),
        (query({"ScheduledPerformingPhysicianName": "DOC*"}), False),
    ],
)
def test_every_other_key(key: Dataset, expected: bool) -> None:
    assert expected == found(key)


def test_keys_are_read_in_the_querys_set_and_items_in_their_own() -> None:
    latin = query(PatientName="LEFÈVRE*", SpecificCharacterSet="ISO_IR 100")
    undeclared = encoded(query(PatientName="LEFEVRE*")).replace(b"LEFEVRE", "LEFÈVRE".encode("latin-1"))

    for item in (
        an_item(PatientName="LEFÈVRE^H", SpecificCharacterSet="ISO_IR 192"),
        an_item(PatientName="LEFÈVRE^H", SpecificCharacterSet="ISO_IR 100"),
    ):
        assert read_query(encoded(latin), implicit=False, station_charset="ISO_IR 192").matches(item)
        assert read_query(undeclared, implicit=False, station_charset="ISO_IR 100").matches(item)


def test_an_answer_holds_what_was_asked_and_the_keys_that_always_come() -> None:
    asked = query({"ScheduledStationName": ""}, PatientSex="", PatientWeight="", AccessionNumber="")
    answer = answered(read_query(encoded(asked), implicit=False, station_charset="ISO_IR 100"), an_item())

    assert ("F", "", "ACC1") == (answer.PatientSex, answer.PatientWeight or "", answer.AccessionNumber)
    assert "ReferringPhysicianName" not in answer
    for key in keys.KEYS:
        if key.kind == "1":
            where = answer if len(key.path) == 1 else answer.ScheduledProcedureStepSequence[0]
            assert key.path[-1] in where, key.keyword
    assert "SALLE 1" == answer.ScheduledProcedureStepSequence[0].ScheduledStationName


def test_optional_keys_we_do_not_support_are_left_out_and_flagged() -> None:
    asked = query({"CommentsOnTheScheduledProcedureStep": ""}, OperatorsName="", QueryRetrieveLevel="STUDY")

    for echo in (False, True):
        compiled = compile_query(asked, echo_unknown=echo)
        assert {0x00081070, 0x00080052} == compiled.unsupported
        assert echo == ("OperatorsName" in answered(compiled, an_item()))


@pytest.mark.parametrize("tag", [0x00091001, 0x0040FFF0])
@pytest.mark.parametrize("implicit", [True, False])
def test_a_key_that_no_dictionary_has_is_flagged(tag: int, implicit: bool) -> None:
    asked = query({"Modality": "CT"}, PatientID="IPP-1")
    asked.add_new(tag, "LO", "")
    compiled = read_query(encoded(asked, implicit=implicit), implicit=implicit, station_charset="ISO_IR 100")

    assert {tag} == compiled.unsupported
    assert compiled.matches(an_item())


def test_a_value_for_a_key_that_is_only_returned_is_flagged_and_restricts_nothing() -> None:
    code = Dataset()
    code.CodeValue = "X"
    compiled = compile_query(query(RequestedProcedureCodeSequence=Sequence([code]), PatientWeight="70"))

    assert {0x00321064, 0x00101030} == compiled.unsupported
    assert compiled.matches(an_item())


@pytest.mark.parametrize(
    ("key", "tag"),
    [
        (query({"ScheduledProcedureStepStartDate": "TODAY"}), 0x00400002),
        (query({"ScheduledProcedureStepStartDate": "20261399"}), 0x00400002),
        (query({"ScheduledProcedureStepStartDate": "-"}), 0x00400002),
        (query({"ScheduledProcedureStepStartTime": "25"}), 0x00400003),
    ],
)
def test_a_value_that_is_none_of_its_vr_is_a900_naming_it(key: Dataset, tag: int) -> None:
    with pytest.raises(QueryFault) as fault:
        compile_query(key)

    assert (0xA900, tag) == (fault.value.status, fault.value.tag)


def test_a_key_in_another_vr_is_a900_naming_it() -> None:
    wrong = Dataset()
    wrong.add_new(0x00100010, "LO", "DUPONT")

    with pytest.raises(QueryFault) as fault:
        read_query(encoded(wrong), implicit=False, station_charset="ISO_IR 100")

    assert (0xA900, 0x00100010) == (fault.value.status, fault.value.tag)


@given(st.binary(max_size=120), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_identifier_is_a_query_or_a_fault(noise: bytes, implicit: bool) -> None:
    body = encoded(query({"Modality": "CT"}, PatientName="A*"), implicit=implicit)
    for identifier in (noise, body[:-3] + noise, noise + body, body + noise):
        try:
            compiled = read_query(identifier, implicit=implicit, station_charset="ISO_IR 100")
        except QueryFault:
            continue
        compiled.matches(an_item())


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
@settings(max_examples=500, deadline=None)
def test_wild_cards_agree_with_a_regular_expression(pattern: str, value: str) -> None:
    expression = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern)

    assert bool(re.fullmatch(expression, value)) == wildcard(pattern, value)


def test_a_key_of_many_stars_costs_nothing() -> None:
    assert not wildcard("*a" * 500 + "b", "a" * 2000)


def test_a_step_without_a_required_attribute_is_named() -> None:
    for keyword in ("StudyInstanceUID", "PatientID", "ScheduledStationAETitle", "ScheduledProcedureStepStartTime"):
        with pytest.raises(BadItem, match=keyword):
            read_items(step(1, **{keyword: ""}))
    with pytest.raises(BadItem, match="ScheduledProcedureStepStartDate"):
        read_items(step(1, ScheduledProcedureStepStartDate="demain"))


def test_a_birth_date_without_a_day_never_hides_its_step() -> None:
    assert an_item(PatientBirthDate="19400000").sps_id == "SPS1"


def test_dicom_json_of_the_feed_is_a_step() -> None:
    document = step(4, PatientName="LEFÈVRE^HÉLÈNE", SpecificCharacterSet="ISO_IR 192").to_json_dict()

    (item,) = read_items(datasets.from_json(document))

    assert ("SPS4", "ACC4") == (item.sps_id, item.accession)
    assert compile_query(query(PatientName="lefevre^helene")).matches(item)


@given(
    st.lists(st.tuples(st.sampled_from(["CT1", "CT2", ["CT1", "CT2"]]), st.sampled_from(["20260302", "20260303"])), max_size=12),
    st.sampled_from(["", "*", "CT1", "CT?", "CT2 ", ["CT1", "CT2"], "CT9"]),
    st.sampled_from(["", "20260302", "2026.03.03", "20260302-20260303", "20260304"]),
    st.sampled_from(["", "IPP-1", "IPP-*", ["IPP-1", "IPP-2"]]),
)
@settings(max_examples=150, deadline=None)
def test_the_index_answers_what_a_walk_over_everything_answers(
    steps: list[tuple[Any, str]], station: Any, day: str, patient: Any
) -> None:
    worklist = Worklist()
    items = [
        an_item(number, ScheduledStationAETitle=at, ScheduledProcedureStepStartDate=on) for number, (at, on) in enumerate(steps, 1)
    ]
    for item in items:
        worklist.put(item)
    for item in items[::3]:
        worklist.remove(item.sps_id)
    compiled = compile_query(query({"ScheduledStationAETitle": station, "ScheduledProcedureStepStartDate": day}, PatientID=patient))
    kept = [item for number, item in enumerate(items) if number % 3]

    found = worklist.find(compiled, called="", now=NOW)

    assert {item.sps_id for item in kept if compiled.matches(item)} == {item.sps_id for item in found}


def test_a_query_by_station_walks_only_its_steps() -> None:
    worklist, walked = Worklist(), []
    for number in range(1, 301):
        worklist.put(an_item(number, ScheduledStationAETitle=f"CT{number % 30}"))
    compiled = compile_query(query({"ScheduledStationAETitle": "CT7"}))
    matches = compiled.matches
    compiled.matches = lambda item: walked.append(item) or matches(item)  # type: ignore[method-assign]

    assert 10 == len(worklist.find(compiled, called="", now=NOW)) == len(walked)
