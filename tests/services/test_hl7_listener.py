"""The PACS takes an order it can file and refuses the rest, naming segment, field and code."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.local.services.hl7_listener import Application, Listener
from infra.local.services.mllp import FrameReader, framed
from tests.support.waiting import until

Pacs = tuple[Listener, Application]

ORDER = (
    "MSH|^~\\&|RIS|NORD|PACS|NORD|20260112090000||ORM^O01^ORM_O01|A1|P|2.5.1||||||UNICODE UTF-8\r"
    "PID|||IPP-1^^^DEMO&1.2.3&ISO^PI||ESSAI^ODETTE^^^^^L||19840513|F\r"
    "ORC|NW|P1|ACC1\r"
    "OBR|1|P1|ACC1|ZBQK001^Scanner du thorax^CCAM||||||||||||||ACC1||||||CT\r"
    "ZDS|2.25.123456^RIS^Application^DICOM\r"
)


def send(pacs: Pacs, message: str | bytes) -> str:
    """Return the acknowledgement's text."""
    with socket.create_connection(("127.0.0.1", pacs[0].port), 5) as connection:
        connection.sendall(framed(message if isinstance(message, bytes) else message.encode()))
        answer = FrameReader(connection).next()
    assert answer is not None
    return answer.decode()


def test_an_order_is_taken_and_kept_byte_for_byte(pacs: Pacs, tmp_path: Path) -> None:
    ack = send(pacs, ORDER.replace("ESSAI", "ÉLÉ’"))

    assert "\rMSA|AA|A1\r" in ack
    assert ack.startswith("MSH|^~\\&|PACS|NORD|RIS|NORD|")
    assert "|ACK^O01^ACK|" in ack
    assert (tmp_path / "001-out-ORM_O01.hl7").read_bytes() == ORDER.replace("ESSAI", "ÉLÉ’").encode()
    assert (tmp_path / "001-out-ORM_O01-ack.hl7").read_bytes() == ack.encode()


@pytest.mark.parametrize(
    ("old", "new", "location", "code"),
    [
        ("ORM^O01^ORM_O01", "", "MSH^1^9", "101"),
        ("ORM^O01^ORM_O01", "ADT^A04^ADT_A01", "MSH^1^9", "200"),
        ("|A1|P|", "||P|", "MSH^1^10", "101"),
        ("|A1|P|", f"|{'A' * 21}|P|", "MSH^1^10", "102"),
        ("|A1|P|", "|A1|X|", "MSH^1^11", "103"),
        ("|2.5.1|", "|1.0|", "MSH^1^12", "203"),
        ("UNICODE UTF-8", "KLINGON", "MSH^1^18", "103"),
        ("&ISO^PI", "&ISO^AN", "PID^1^3", "101"),
        ("IPP-1^", '""^', "PID^1^3", "101"),
        ("^^^DEMO&1.2.3&ISO^PI", "^^^^PI", "PID^1^3", "101"),
        ("ESSAI^ODETTE^^^^^L", "", "PID^1^5", "101"),
        ("19840513", "13 mai", "PID^1^7", "102"),
        ("ORC|NW", "ORC|ZZ", "ORC^1^1", "103"),
        ("|ACC1||||||CT", "|||||||CT", "OBR^1^18", "101"),
        ("|ACC1||||||CT", f"|{'1' * 17}||||||CT", "OBR^1^18", "102"),
        ("|ACC1||||||CT", "|ACC1||||||", "OBR^1^24", "101"),
        ("2.25.123456^", "2.25.0123^", "ZDS^1^1", "102"),
        ("2.25.123456^", "^", "ZDS^1^1", "102"),
        ("^DICOM", "^HL7", "ZDS^1^1", "103"),
        ("ORC|NW|P1|ACC1\r", "", "ORC^1", "100"),
    ],
)
def test_what_a_pacs_cannot_file_is_refused_by_name(pacs: Pacs, old: str, new: str, location: str, code: str) -> None:
    assert old in ORDER

    ack = send(pacs, ORDER.replace(old, new, 1))

    assert "\rMSA|AE|" in ack
    assert f"\rERR||{location}|{code}^" in ack
    assert "|E|" in ack


def test_bytes_outside_the_declared_set_are_refused(pacs: Pacs) -> None:
    assert "\rERR||MSH^1^18|102^" in send(pacs, ORDER.replace("ODETTE", "ZOÉ").encode("latin-1"))


def test_two_messages_in_one_frame_are_refused(pacs: Pacs) -> None:
    assert "\rERR||MSH^2|100^" in send(pacs, ORDER + ORDER)


def test_the_same_message_again_is_the_same_and_another_body_is_not(pacs: Pacs) -> None:
    answers = [send(pacs, ORDER), send(pacs, ORDER), send(pacs, ORDER.replace("|F\r", "|M\r"))]

    assert [("|AA|" in answer, "|205^" in answer) for answer in answers] == [(True, False), (True, False), (False, True)]


def test_an_acknowledgement_holds_nothing_of_the_patient(pacs: Pacs) -> None:
    ack = send(pacs, ORDER.replace("ZDS|2.25.123456", "ZDS|ESSAI"))

    assert "ESSAI" not in ack


@pytest.mark.parametrize("garbage", [b"hello", b"\x0bMSH|", b"\rMSH|\x1c\r"])
def test_what_is_no_frame_is_never_answered(pacs: Pacs, garbage: bytes) -> None:
    with socket.create_connection(("127.0.0.1", pacs[0].port), 5) as connection:
        connection.sendall(garbage)
        connection.shutdown(socket.SHUT_WR)

        assert connection.recv(1) == b""


def test_scheduled_answers_come_in_order(pacs: Pacs) -> None:
    pacs[1].script.schedule("message", ["AR", "AE"])

    answers = [send(pacs, ORDER) for _ in range(3)]

    assert ["|AR|" in answers[0], "|AE|" in answers[1], "|AA|" in answers[2]] == [True, True, True]


def test_silence_takes_the_message_and_says_nothing(pacs: Pacs) -> None:
    pacs[1].script.schedule("message", ["silence"])

    with socket.create_connection(("127.0.0.1", pacs[0].port), 5) as connection:
        connection.sendall(framed(ORDER.encode()))
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""

    assert [note["code"] for note in pacs[1].script.report()["received"]] == ["AA"]


def test_an_acknowledgement_that_waits_comes_when_it_is_told_to_and_not_before(pacs: Pacs) -> None:
    script = pacs[1].script
    script.schedule("message", [{"fault": "AE", "wait": True}])
    with ThreadPoolExecutor(1) as beside:
        answered = beside.submit(send, pacs, ORDER)
        until(lambda: script.report()["silent"] == 1)
        assert not answered.done()

        script.clear()

        assert "|AE|" in answered.result(5)
    assert script.report()["silent"] == 0
