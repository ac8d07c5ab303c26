"""What a message is answered: the shape of the acknowledgement, and what AE names."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateways.edge.hl7 import msh
from gateways.edge.hl7.acknowledgement import Answer, build, control_ids, parse
from tests.support.gateway import NOW, adt, segments

LATIN_1_NAME = "ESSAI^GWÉNAËLLE".encode("latin-1")


def answer_to(frame: bytes, **options: object) -> dict[str, list[str]]:
    reading = msh.read(frame, **options)  # type: ignore[arg-type]
    code = "AA" if reading.fault is None else "AE"
    return segments(build(reading.header, code, now=NOW, control_id="OWN1", fault=reading.fault))  # type: ignore[arg-type]


def refusal(frame: bytes, **options: object) -> tuple[str, str, str]:
    """Return MSA-1, ERR-2 and the code of ERR-3."""
    answer = answer_to(frame, **options)
    assert "E" == answer["ERR"][4]
    assert "HL70357" == answer["ERR"][3].split("^")[2]
    return answer["MSA"][1], answer["ERR"][2], answer["ERR"][3].split("^")[0]


def test_no_id_of_ours_comes_twice_nor_after_a_restart() -> None:
    first, second = control_ids(), control_ids()
    made = [first() for _ in range(1000)] + [second() for _ in range(1000)]

    assert 2000 == len(set(made))
    assert {20} == {len(one) for one in made}


def test_sender_and_receiver_change_places_with_their_components() -> None:
    frame = b"MSH|^~\\&|AG^1.2^ISO|CIM^1.3^ISO|RIS^1.4^ISO|CH|2026||ADT^A28^ADT_A05|Id-0.1|T|2.5^FRA^2.11|||AL|NE|FRA|8859/1\r"

    answer = answer_to(frame)

    assert ["RIS^1.4^ISO", "CH", "AG^1.2^ISO", "CIM^1.3^ISO"] == answer["MSH"][2:6]
    assert ["ACK^A28^ACK", "OWN1", "T", "2.5^FRA^2.11"] == answer["MSH"][8:12]
    assert ["MSA", "AA", "Id-0.1"] == answer["MSA"]
    assert "8859/1" == answer["MSH"][17]


def test_an_acknowledgement_uses_the_delimiters_of_the_message() -> None:
    frame = b"MSH#:~\\&#AG#CIM#RIS#CH#2026##ADT:A04:ADT_A01#77#P#2.5\rPID#\r"

    answer = build(msh.read(frame).header, "AA", now=NOW, control_id="OWN1")

    assert answer.startswith(b"MSH#:~\\&#RIS#CH#AG#CIM#")
    assert b"#ACK:A04:ACK#OWN1#P#2.5\rMSA#AA#77\r" in answer


@pytest.mark.parametrize(
    ("frame", "place", "code"),
    [
        (b"", "MSH^1", "100"),
        (b"PID|1\r", "MSH^1", "100"),
        (b"PID|1\rMSH|^~\\&|A|B|C|D|2026||ADT^A28|1|P|2.5\r", "MSH^1", "100"),
        (b"MSH", "MSH^1^1", "101"),
        (b"MSH|", "MSH^1^2", "101"),
        (b"MSH|^~&|A|B|C|D|2026||ADT^A28|1|P|2.5\r", "MSH^1^2", "102"),
        (b"MSH|^^^^|A|B|C|D|2026||ADT^A28|1|P|2.5\r", "MSH^1^2", "102"),
        (b"MSH|^~\\&|A|B|C|D|2026|||1|P|2.5\r", "MSH^1^9", "101"),
        (b"MSH|^~\\&|A|B|C|D|2026||^A28|1|P|2.5\r", "MSH^1^9", "101"),
        (b"MSH|^~\\&|A|B|C|D|2026||ACK^A28^ACK|1|P|2.5\rMSA|AA|1\r", "MSH^1^9", "200"),
        (b"MSH|^~\\&|A|B|C|D|2026||ADT^A28||P|2.5\r", "MSH^1^10", "101"),
        (b'MSH|^~\\&|A|B|C|D|2026||ADT^A28|""|P|2.5\r', "MSH^1^10", "101"),
        (b"MSH|^~\\&|A|B|C|D|2026||ADT^A28\r", "MSH^1^10", "101"),
        (b"MSH|^~\\&|A|B|C|D|2026||ADT^A28|" + b"9" * 200 + b"|P|2.5\r", "MSH^1^10", "102"),
        (b"MSH|^~\\&|A|B|C|D|2026||ADT^A28|1|P|2.5||||||KLINGON\rPID|\r", "MSH^1^18", "103"),
        (adt().replace(b"ESSAI^LOU", LATIN_1_NAME), "MSH^1^18", "102"),
        (adt(charset="").replace(b"ESSAI^LOU", LATIN_1_NAME), "MSH^1^18", "102"),
        (adt(charset="ASCII").replace(b"ESSAI^LOU", LATIN_1_NAME), "MSH^1^18", "102"),
        (adt(charset="8859/1").replace(b"LOU", b"C\x9cUR"), "MSH^1^18", "102"),
    ],
)
def test_a_message_that_cannot_be_read_is_answered_ae_naming_segment_and_field(frame: bytes, place: str, code: str) -> None:
    assert ("AE", place, code) == refusal(frame)


@pytest.mark.parametrize(
    ("frame", "place"),
    [
        (b"FHS|^~\\&|A\rBHS|^~\\&|A\r" + adt("M1") + adt("M2") + b"BTS|2\rFTS|1\r", "FHS^1"),
        (b"BHS|^~\\&|A\r" + adt("M1") + b"BTS|1\r", "BHS^1"),
        (adt("M1") + adt("M2"), "MSH^2"),
        (adt("M1") + b"BTS|1\r", "BTS^1"),
    ],
)
def test_a_batch_gets_exactly_one_ae_with_the_id_of_its_first_message(frame: bytes, place: str) -> None:
    assert ("AE", place, "100") == refusal(frame)
    assert "M1" == answer_to(frame)["MSA"][2]


@pytest.mark.parametrize(
    "frame",
    [
        adt(),
        adt().replace(b"\r", b"\r\r"),
        adt().replace(b"\r", b"\r\n"),
        b"\r\n\r" + adt(),
        adt().replace(b"\r", b"\n"),
        adt().rstrip(b"\r"),
        adt().replace(b"ESSAI^LOU", b"ESSAI^LOU\nMSH|not a segment|||||"),
        adt(charset="8859/1", name="ESSAI^GWÉNAËLLE"),
        adt(charset="8859/15", name="ESSAI^CŒUR"),
        adt(charset="UNICODE UTF-8", name="ESSAI^GWÉNAËLLE"),
        adt().replace(b"UNICODE UTF-8", b"UNICODE UTF-8~8859/1"),
    ],
)
def test_blank_segments_line_ends_and_declared_sets_change_nothing(frame: bytes) -> None:
    assert ["MSA", "AA", "A1"] == answer_to(frame)["MSA"]


def test_an_empty_msh_18_means_the_set_of_its_source() -> None:
    frame = adt(charset="").replace(b"ESSAI^LOU", LATIN_1_NAME)
    sources = [msh.Source("OTHER", "", "UNICODE UTF-8"), msh.Source("AGENDA", "CIM", "8859/1")]

    assert "AA" == answer_to(frame, sources=sources)["MSA"][1]
    assert "8859/1" == msh.read(frame, sources).default_charset
    assert "AE" == answer_to(frame, sources=[msh.Source("AGENDA", "ELSEWHERE", "8859/1")])["MSA"][1]


def test_nothing_of_the_message_but_header_fields_stands_in_a_refusal() -> None:
    frame = adt(name="SECRETNAME^CANARI").replace(b"|A1|", b"||")

    answer = build(msh.read(frame).header, "AE", now=NOW, control_id="1", fault=msh.read(frame).fault)

    assert b"SECRETNAME" not in answer
    assert b"CANARI" not in answer


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_have_an_answer(noise: bytes) -> None:
    for frame in (noise, b"MSH" + noise, adt()[:40] + noise, adt() + noise):
        reading = msh.read(frame)
        answer = build(reading.header, "AE", now=NOW, control_id="1", fault=reading.fault)

        assert answer.startswith(b"MSH")
        assert answer.endswith(b"\r")
        assert {b"MSH", b"MSA"} <= {line[:3] for line in answer.split(b"\r")}


@pytest.mark.parametrize("code", ["AA", "AE", "AR"])
def test_what_we_write_we_read(code: str) -> None:
    written = build(msh.read(adt("X-1")).header, code, now=NOW, control_id="1")  # type: ignore[arg-type]

    assert Answer(code, "X-1") == parse(written)  # type: ignore[arg-type]


@pytest.mark.parametrize(("sent", "read"), [("CA", "AA"), ("CE", "AE"), ("CR", "AR")])
def test_enhanced_mode_codes_are_read_as_original_mode(sent: str, read: str) -> None:
    assert Answer(read, "9") == parse(f"MSH|^~\\&|\nMSA|{sent}|9\n".encode())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "frame", [b"", b"MSH", b"MSH|^~\\&|\r", b"MSH|^~\\&\rMSA|\r", b"MSH|^~\\&\rMSA|ZZ|1\r", b"PID|1\rMSA|AA|1\r"]
)
def test_what_is_no_acknowledgement_is_none(frame: bytes) -> None:
    assert parse(frame) is None
