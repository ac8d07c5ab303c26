"""The frozen content as JSON: whatever it holds comes back, and the same content gives the same bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris.adapters.report.frozen_json import FrozenJson
from ris.domain.errors import Refused
from ris.domain.identity.ins import OID_NIR_TEST, Ins, StrictTraits, qualified
from ris.domain.identity.patient import Identifier, IdentityStatus, Traits
from ris.domain.report.frozen import Act, FrozenReport, Professional, Section, Structure, Visibility
from tests.support.frozen_reports import a_frozen_report

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
DAY = st.dates(date(1890, 1, 1), date(2100, 1, 1))
INSTANT = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
PERSON = st.builds(Professional, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT)
WORD = st.text("ABC' -", min_size=1, max_size=9)
IDENTITY = st.builds(
    lambda matricule, family, given, day, sex: qualified(
        Ins(matricule, OID_NIR_TEST), StrictTraits(family, given, given, day, sex, "63220"), IdentityStatus.QUALIFIEE
    ),
    st.from_regex(r"[12][0-9]{14}", fullmatch=True), WORD, WORD, DAY, st.sampled_from("MF"),
)  # fmt: skip
TRAITS = st.builds(Traits, TEXT, TEXT, TEXT, TEXT, TEXT, st.none() | DAY, TEXT, st.sampled_from("MFU"), TEXT, TEXT)
REPORTS = st.builds(
    FrozenReport,
    report_id=TEXT, version=st.integers(1, 999), set_id=TEXT, document_id=TEXT, replaces=TEXT, validated_at=INSTANT,
    logged_in_at=INSTANT, time_zone=TEXT, title=TEXT, sections=st.lists(st.builds(Section, TEXT, TEXT), max_size=3).map(tuple),
    ipp=st.builds(Identifier, TEXT, TEXT, TEXT), traits=TRAITS, identity=st.none() | IDENTITY, author=PERSON,
    structure=st.builds(Structure, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, st.lists(TEXT, max_size=2).map(tuple), TEXT),
    requester=st.none() | PERSON, recipients=st.lists(PERSON, max_size=2).map(tuple), placer_order_number=TEXT,
    placer_authority=TEXT, accession_number=TEXT, accession_authority=TEXT, study_instance_uid=TEXT,
    acts=st.lists(st.builds(Act, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT), max_size=2).map(tuple), performed_start=INSTANT,
    performed_end=st.none() | INSTANT, visibility=st.builds(Visibility, st.booleans(), st.booleans(), st.booleans()),
    encounter_class=TEXT, viewer_url=TEXT, footer=TEXT,
)  # fmt: skip


@given(REPORTS)
def test_whatever_was_frozen_is_read_back(report: FrozenReport) -> None:
    codec = FrozenJson()
    content = codec.dump(report)

    assert report == codec.load(content)
    assert content == codec.dump(codec.load(content))


def test_what_a_newer_release_added_is_left_aside_and_what_an_older_one_lacked_has_its_default() -> None:
    values = json.loads(FrozenJson().dump(a_frozen_report()))
    values["invented_later"] = {"x": 1}
    del values["footer"]

    assert replace(a_frozen_report(), footer="") == FrozenJson().load(json.dumps(values).encode())


@pytest.mark.segur("INS.37")
def test_no_content_can_say_that_a_poor_identity_was_qualified() -> None:
    values = json.loads(FrozenJson().dump(a_frozen_report()))
    values["identity"]["traits"]["sex"] = "U"

    with pytest.raises(Refused):
        FrozenJson().load(json.dumps(values).encode())
