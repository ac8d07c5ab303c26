"""docs/conformance/hl7.md against the product: which fields it reads of each kind of message, and which it fills in those it writes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from ris.adapters.agenda.er7 import Segment, Value, read
from ris.adapters.agenda.hl7_inbound import CREATES, ORDERS, UPDATES, Hl7MessageReader
from ris.adapters.agenda.hl7_outbound import Hl7OrderWriter
from ris.adapters.identity.hl7_identity import Hl7IdentityWriter
from ris.application.dispatch.ports import OrderFacts
from ris.application.dispatch.send_identity import IdentityFacts
from ris.domain.identity.announcing import Announcement, Trigger
from ris.domain.identity.ins import qualified
from tests.dispatch.test_zam import zam
from tests.support.agenda import GROUP, NOW, a_patient, a_request
from tests.support.dispatch import Dispatch
from tests.support.hl7 import adt, message, msh, obr, orc, pid
from tests.support.hl7_reports import a_replacement, a_report_message
from tests.support.identity import Desk

STATEMENT = (Path(__file__).resolve().parents[2] / "docs/conformance/hl7.md").read_text("utf-8")
Fields = dict[str, set[int]]


def stated(heading: str) -> Fields:
    """Return the fields by segment that one table of the statement has."""
    table = STATEMENT.split(f"### {heading}\n", 1)[1].split("\n#", 1)[0]
    rows = re.findall(r"^\| ([A-Z0-9]{3}) \| ([0-9, ]+) \|", table, re.MULTILINE)
    return {name: {int(number) for number in numbers.split(",")} for name, numbers in rows}


def filled(messages: Iterable[bytes]) -> Fields:
    """Return the fields with a value."""
    found: Fields = defaultdict(set)
    for one in messages:
        for segment in read(one, "UNICODE UTF-8").segments:
            found[segment.name] |= {number for number in range(1, 60) if segment.field(number)}
    return dict(found)


def asked(messages: Iterable[bytes], patch: pytest.MonkeyPatch) -> Fields:
    """Return the fields that our reader looks at."""
    found: Fields = defaultdict(set)
    look = Segment.field

    def noted(segment: Segment, number: int) -> Value:
        found[segment.name].add(number)
        return look(segment, number)

    patch.setattr(Segment, "field", noted)
    for one in messages:
        Hl7MessageReader().read(one, "UNICODE UTF-8", GROUP.sites[0])
    return dict(found)


READ = {
    "Read: ADT": [adt("ZFD|||Y", event=event) for event in sorted(CREATES | UPDATES)],
    "Read: orders": [
        message(msh(kind), pid(), "PV1|1|O", orc(), "TQ1|1||||||||S", obr(), orc(placer="OPN-2"), obr("OPN-2"))
        for kind in ("ORM^O01", "OMG^O19^OMG_O19", "OMI^O23^OMI_O23")
    ],
    "Read: ZAM": [zam("Z01", "M1")],
}


def announcements() -> list[bytes]:
    patient = replace(Desk().qualify(), consents={"ZFA-1": "ACTIF", "ZFA-9": "INO", "ZFA-10": "1"}, capture={"ZFD-3": "Y"})
    identity = qualified(patient.ins, patient.strict, patient.status)
    return [
        Hl7IdentityWriter().identity(
            IdentityFacts("M1", "PACS", GROUP.sites[0], Announcement(3, Trigger.UPDATE, NOW, patient, None, False), identity)
        )
    ]


def orders() -> list[bytes]:
    dispatch = Dispatch()
    site = dispatch.world.s.reference.site("nord")
    return [Hl7OrderWriter().order(OrderFacts("M1", "PACS", NOW, site, dispatch.booked(), a_patient(), a_request()))]


WRITTEN = {
    "Written: ORM^O01": orders,
    "Written: ADT^A31": announcements,
    "Written: MDM^T02, MDM^T10": lambda: [a_report_message(), a_replacement()],
    "Written: ORU^R01": lambda: [a_report_message(kind="ORU"), a_replacement(kind="ORU")],
}


@pytest.mark.parametrize("heading", READ)
def test_the_fields_that_are_read_are_those_stated(heading: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stated(heading) == asked(READ[heading], monkeypatch)


@pytest.mark.parametrize("heading", WRITTEN)
def test_the_fields_that_are_filled_are_those_stated(heading: str) -> None:
    assert stated(heading) == filled(WRITTEN[heading]())


def test_every_kind_of_message_is_stated() -> None:
    kinds = {f"ADT^{event}" for event in CREATES | UPDATES} | ORDERS

    assert [] == sorted(kind for kind in kinds if kind not in STATEMENT)


def test_every_hard_case_names_tests_that_there_are() -> None:
    root = Path(__file__).resolve().parents[2]
    rows = re.findall(r"^\| (\d+) .*\|$", STATEMENT, re.MULTILINE)
    named = re.findall(r"`(tests/[a-z0-9_/]+\.py)(?:::(\w+))?`", STATEMENT.split("## Hard cases")[1])

    assert [1, 2, 3, 4, 5, 6, 7, 8, 9, 11] == [int(row) for row in rows]
    assert [] == [(file, test) for file, test in named if f"def {test}" not in (root / file).read_text("utf-8")]
