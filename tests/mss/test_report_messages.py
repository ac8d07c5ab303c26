"""The report as HL7: legal combinations only, the document unbroken, no value that could become another field."""

from __future__ import annotations

import itertools
import re
from base64 import b64decode
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.services.er7 import read
from infra.local.services.report_rules import LEGAL, read_report
from ris.adapters.dispatch.hl7_report import Flags, Intent
from ris.domain.errors import InvalidInput
from tests.support.frozen_reports import a_frozen_report
from tests.support.hl7_reports import EVERYBODY, a_replacement, a_report_message
from tests.support.mss import DOCTOR, PATIENT, documents

MATRIX = ("masque_ps", "invisible_patient", "invisible_rep_legaux", "connexion_secrete", "dest_dmp")


@pytest.mark.parametrize("ps", [False, True])
@pytest.mark.parametrize("pat", [False, True])
def test_our_rule_and_the_platform_s_are_the_same(ps: bool, pat: bool) -> None:
    rows = LEGAL.get(("NY"[ps], "NY"[pat]), "*****")
    for values in itertools.product([False, True], repeat=5):
        flags = Flags(**dict(zip(MATRIX, values, strict=True)), dest_mss_ps=ps, dest_mss_pat=pat)
        legal = all(wanted in ("*", "NY"[value]) for wanted, value in zip(rows, values, strict=True))
        if not legal:
            with pytest.raises(InvalidInput, match="illegal_combination"):
                a_report_message(flags=flags)
            continue
        said = read_report(read(a_report_message(flags=flags)))
        assert said.flags["DESTDMP"] == "NY"[flags.dest_dmp]
        assert said.recipients == [*([DOCTOR] if ps else []), *([PATIENT] if pat else [])]


def test_acknowledgements_are_awaited_only_of_who_sends() -> None:
    def asked(flags: Flags) -> tuple[str, str]:
        said = read_report(read(a_report_message(flags=flags))).flags
        return said["ACK_RECEPTION"], said["ACK_LECTURE_MSS"]

    assert [asked(one) for one in (Flags(), Flags(dest_dmp=True), EVERYBODY)] == [("N", "N"), ("Y", "N"), ("Y", "Y")]


@pytest.mark.parametrize("kind", ["MDM", "ORU"])
def test_the_document_is_one_unbroken_run_of_the_stored_bytes(kind: str) -> None:
    message = a_report_message(kind=kind)
    (value,) = re.findall(rb"\^Base64\^([^|\r]*)", message)

    assert b64decode(value, validate=True) == documents(a_frozen_report())[1]
    assert message.count(b"\r") == message.count(b"\n") + message.count(b"\r")


def test_a_replacement_names_what_it_replaces_and_the_same_facts_give_the_same_bytes() -> None:
    said = read(a_replacement())

    assert (said.field("ORC", 1), said.component("MSH", 9, 2), said.field("OBX", 11)) == ("RO", "T10", "C")
    assert said.field("TXA", 13) == "2.25.200000000000000000000000000000000009"
    assert a_replacement() == a_replacement()
    assert a_report_message(intent=Intent.DELETE).count(b"|D\r") == 1


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60))
def test_no_name_becomes_another_field(text: str) -> None:
    report = a_frozen_report()
    changed = replace(
        report,
        structure=replace(report.structure, name=text),
        author=replace(report.author, family=text, given=text),
        placer_order_number=text,
    )
    plain, odd = (read(a_report_message(one, cda=documents(report)[1])) for one in (report, changed))

    assert [len(fields) for fields in odd.segments] == [len(fields) for fields in plain.segments]
    assert [fields[0] for fields in odd.segments] == [fields[0] for fields in plain.segments]
    assert odd.field("PRT", 8).count("^") == plain.field("PRT", 8).count("^")


@pytest.mark.parametrize("kind", ["MDM", "ORU"])
def test_the_visit_is_the_hospitals_where_its_order_named_one(kind: str) -> None:
    theirs = read(a_report_message(kind=kind, visit=("V-26-0042", "1.2.250.1.99999.1")))
    by_name = read(a_report_message(kind=kind, visit=("V-26-0042", "CIM-DEMO")))
    ours = read(a_report_message(kind=kind))

    assert theirs.field("PV1", 19) == "V-26-0042^^^&1.2.250.1.99999.1&ISO^VN"
    assert by_name.field("PV1", 19) == "V-26-0042^^^CIM-DEMO^VN"
    assert ours.component("PV1", 19, 1) == a_frozen_report().accession_number


def test_answers_to_a_platforms_mails_go_where_the_site_says() -> None:
    def replies(flags: Flags) -> list[str]:
        said = a_report_message(flags=flags, reply_address="secretariat@est.mssante.example").decode()
        return re.findall(r"\rPRT\|\|UC\|\|REPLY\^Reply to\^participation\|+\^NET\^X\.400\^([^|\r]*)", said)

    assert replies(EVERYBODY) == ["secretariat@est.mssante.example"]
    assert replies(Flags()) == [], "where nobody is mailed there is no answer"
