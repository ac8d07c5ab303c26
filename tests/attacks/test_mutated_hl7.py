"""Whatever bytes a gateway took, the intake applies or parks them, names the place, and goes on; nothing else is raised.

Messages are mutated as people and programs do: a field replaced, a segment doubled, dropped or moved, bytes flipped, cut or inserted.
"""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ris.application.agenda.messages import MessageState
from tests.support.hl7 import Intake, adt, obr, orc, orm

SEEDS = [
    adt(
        "ZFA|ACTIF|20260112|||||||INO",
        "ZFD|||Y|N|SM",
        pid_5="ADRUN^ZOE^^^^^L~USAGE^ZOE^^^^^D",
        pid_13="^PRN^PH^^^^^^^^^01",
        control_id="S1",
    ),
    orm(orc(), "TQ1|1||||||||S", obr(), orc(placer="OPN-2"), obr("OPN-2"), control_id="S2"),
    orm(orc("CA"), obr(), control_id="S3"),
    adt(event="A31", pid_5='ADRUN^ZOE^^^^^L~""^^^^^^D', control_id="S4"),
]
PIECES = [
    b'""',
    b"|",
    b"^",
    b"~",
    b"\\",
    b"&",
    b"\r",
    b"\n",
    b"\\X0D\\",
    b"\\E\\",
    b"\x00",
    b"\xff",
    b"\xc3",
    "é".encode(),
    b"9" * 70,
    b"A" * 300,
    b"#",
    b"%",
    b" ",
    b"",
]
PLACE = re.compile(r"^[A-Z][A-Z0-9]{2}(\(\d+\))?(-\d+)?$")


@st.composite
def mutated(draw):
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["field", "segment", "bytes"]))
        if kind == "bytes":
            at, to = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
            to = min(to, at + draw(st.integers(0, 20)))
            data = data[:at] + draw(st.sampled_from(PIECES) | st.binary(max_size=4)) + data[to:]
        elif kind == "field":
            fields = data.split(b"|")
            fields[draw(st.integers(0, len(fields) - 1))] = draw(st.sampled_from(PIECES))
            data = b"|".join(fields)
        else:
            lines = data.split(b"\r")
            line = lines.pop(draw(st.integers(0, len(lines) - 1)))
            for _ in range(draw(st.integers(0, 2))):
                lines.insert(draw(st.integers(0, len(lines))), line)
            data = b"\r".join(lines)
    return data


def check(frames):
    intake = Intake()
    for frame in frames:
        applied = intake.take(frame or b" ").entry
        assert applied.state in (MessageState.APPLIED, MessageState.PARKED, MessageState.INCIDENT, MessageState.RECEIVED)
        assert applied.state is not MessageState.RECEIVED
        assert applied.state is MessageState.APPLIED or PLACE.match(applied.place), applied.place
        assert applied.frame == (frame or b" ")
    for patient in intake.world.patients._patients.values():
        assert '""' not in [str(value).strip() for value in vars(patient.traits).values()]
        assert patient.traits.birth_family
    before = intake.listed()
    for frame in frames:
        assert intake.take(frame or b" ").repeated
    assert intake.listed() == before


@given(st.lists(mutated(), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_mutated_messages_are_applied_or_parked(frames):
    check(frames)


@pytest.mark.slow
@given(st.lists(mutated(), min_size=1, max_size=6))
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
def test_ten_thousand_mutated_conversations(frames):
    check(frames)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_noise_is_parked_naming_the_header(noise):
    intake = Intake()

    intake.take(b"\x01" + noise)

    ((_, place),) = intake.listed()
    assert place.startswith("MSH")
