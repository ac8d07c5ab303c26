"""Inputs of our own invention for the DICOM door, each with the answer it must get."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dicom import (
    ECHO,
    MPPS,
    MWL,
    Door,
    a_door,
    associate,
    associated,
    command,
    echo_request,
    element,
    find,
    find_request,
    item,
    pdata,
    pdu,
    rest,
)
from tests.support.waiting import until
from tests.support.worklist import encoded, ended, performed, query, step

RELEASE, RELEASED, ABORTED = pdu(5, bytes(4)), pdu(6, bytes(4)), pdu(7, bytes(4))
CANARY = "CANARI"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with a_door(tmp_path) as opened:
        yield opened


def said(door: Door, *parts: bytes, request: bytes | None = None) -> bytes:
    """Associate, send all at once, and return what comes until the other side closes, the A-ASSOCIATE-AC left out."""
    with socket.create_connection(("127.0.0.1", door.port), 10) as peer:
        peer.sendall(request or associate())
        accepted = peer.recv(65536)
        assert accepted.startswith(b"\2"), accepted
        with contextlib.suppress(ConnectionError):
            peer.sendall(b"".join(parts))
        return rest(peer)


def status(code: int) -> bytes:
    return element(0, 0x900, code.to_bytes(2, "little"))


def cancel(message_id: int) -> bytes:
    return pdata(command(0x0FFF, MWL, message_id=message_id, has_dataset=False), 3)


def test_a_cancel_of_nothing_is_passed_over(door: Door) -> None:
    answer = said(door, cancel(7), echo_request(), cancel(1), RELEASE)

    assert status(0) in answer
    assert answer.endswith(RELEASED)


def test_a_query_cancelled_before_it_began_says_so(door: Door) -> None:
    answer = said(door, find_request(encoded(query(PatientID=""), implicit=True)), cancel(1), RELEASE)

    assert status(0xFE00) in answer
    assert status(0xFF00) not in answer


def test_a_cancel_ends_the_query_of_its_own_association_only(door: Door) -> None:
    body = encoded(query(PatientID=""), implicit=True)
    with associated(door.port) as association:
        said(door, cancel(1), find_request(body), cancel(1), RELEASE)
        assert 3 == len(find(association, query(PatientID=""))[1])


def test_a_cancel_between_a_command_and_its_data_set_breaks_the_rules(door: Door) -> None:
    assert ABORTED in said(door, pdata(command(0x20, MWL), 3), cancel(1), pdata(b"", 2))


def test_one_context_number_for_many_contexts_leaves_the_last(door: Door) -> None:
    answer = said(
        door,
        pdata(command(0x30, ECHO, has_dataset=False), 3),
        RELEASE,
        request=associate(contexts=((1, MWL), (1, MPPS), (1, ECHO))),
    )

    assert status(0) in answer
    assert answer.endswith(RELEASED)


def test_a_context_without_syntax_and_a_hundred_strange_ones_are_refused_one_by_one(door: Door) -> None:
    strange = tuple((number, f"1.2.3.{number}") for number in range(7, 255, 2))
    bare = item(0x20, b"\5\0\0\0" + item(0x30, ECHO.encode()))
    whole = associate(contexts=((1, MWL), *strange))
    request = pdu(1, whole[6:] + bare)

    with socket.create_connection(("127.0.0.1", door.port), 10) as peer:
        peer.sendall(request)
        accepted = b""
        while len(accepted) < 6 or len(accepted) < 6 + int.from_bytes(accepted[2:6], "big"):
            accepted += peer.recv(65536)
    results = [accepted[at + 6] for at in range(len(accepted) - 8) if accepted[at] == 0x21 and accepted[at + 8] == 0x40]

    assert [0, *[3] * len(strange), 4] == results


def test_requests_sent_together_are_answered_in_their_order(door: Door) -> None:
    def request(field: int, number: int, body: bytes, tag: int) -> bytes:
        return pdata(command(field, MPPS, element(0, tag, b"1.2.3"), message_id=number), 3, 3) + pdata(body, 2, 3)

    create = request(0x140, 1, encoded(performed(step(1)), implicit=True), 0x1000)
    change = request(0x120, 2, encoded(ended("COMPLETED"), implicit=True), 0x1001)
    answer = said(door, create, change, find_request(encoded(query(PatientID=""), implicit=True), 3), RELEASE)

    first, second = (answer.index(element(0, 0x120, bytes((number, 0)))) for number in (1, 2))
    assert first < second
    assert status(0x0110) not in answer
    assert b"IPP-2" in answer
    assert b"IPP-1" not in answer, "completed by the request before"


def test_a_performed_step_of_too_many_elements_is_refused_unkept(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateways.edge.dicom.services.MAX_ELEMENTS", 8)
    body = encoded(performed(step(1)), implicit=True)
    answer = said(door, pdata(command(0x140, MPPS, element(0, 0x1000, b"1.2.8")), 3, 3), pdata(body, 2, 3), RELEASE)

    assert status(0x0110) in answer
    assert 0 == door.spool.waiting()


@pytest.mark.parametrize("uid", [b"1.2." + b"3" * 70, b"1.2.x", b"../../etc", b".", b"1..2", b"1.2.", "1.2.é".encode("latin-1")])
def test_an_instance_name_that_is_no_uid_is_refused_not_cut(door: Door, uid: bytes) -> None:
    body = encoded(performed(step(1)), implicit=True)
    answer = said(door, pdata(command(0x140, MPPS, element(0, 0x1000, uid)), 3, 3), pdata(body, 2, 3), RELEASE)

    assert status(0x0117) in answer
    assert 0 == door.spool.waiting()


@pytest.mark.parametrize(
    ("key", "final", "count"),
    [
        (query({"ScheduledProcedureStepStartDate": "20260303-20260301"}), 0x0000, 0),
        (query({"ScheduledStationAETitle": ["CT9"] * 1000 + ["CT1"]}), 0x0000, 3),
        (query({"ScheduledProcedureStepStartDate": ["20260101-20261231"] * 50}), 0x0000, 3),
        (query(PatientID="\\".join(["*"] * 3)), 0x0000, 3),
        (query(PatientName="?" * 14), 0x0000, 3),
        (query(PatientName="=".join("*" * 9)), 0x0000, 3),
        (query(PatientComments="x" * 70_000), 0xA700, 0),
    ],
    ids=[
        "reversed range",
        "a thousand stations",
        "fifty years",
        "stars in a row",
        "as long as the name",
        "nine groups",
        "too long",
    ],
)
def test_keys_at_the_edge_of_what_a_key_is(door: Door, key: object, final: int, count: int) -> None:
    with associated(door.port) as association:
        found = find(association, key)  # type: ignore[arg-type]

        assert (final, count) == (found[0], len(found[1]))
        assert 0x0000 == association.send_c_echo().Status


def test_group_lengths_and_private_tags_in_a_query_change_nothing(door: Door) -> None:
    body = element(8, 0, b"\4\0\0\0") + element(9, 0x10, b"ACME 1.0") + element(9, 0x1001, b"x" * 300)
    body += element(0x10, 0, b"\2\0\0\0") + element(0x10, 0x10, b"LEF*")
    answer = said(door, find_request(body), RELEASE)

    assert 3 == answer.count(status(0xFF01))
    assert answer.endswith(RELEASED)


@pytest.mark.parametrize("inside", [False, True])
def test_a_query_of_thousands_of_keys_is_refused_before_they_are_looked_up(door: Door, inside: bool) -> None:
    keys = b"".join(element(0x12, number, b"") for number in range(0x1000, 0x1800))
    body = element(0x40, 0x100, b"\xfe\xff\x00\xe0" + len(keys).to_bytes(4, "little") + keys) if inside else keys
    answer = said(door, find_request(body), echo_request(), RELEASE)

    assert [1, 1, 0] == [answer.count(status(code)) for code in (0xC000, 0, 0xFF01)]


def test_escape_sequences_of_another_character_set_are_a_key_or_a_fault(door: Door) -> None:
    for charset, name in (
        (b"\\ISO 2022 IR 87", b"\x1b$B;3ED\x1b(B^*"),
        (b"ISO_IR 192", b"\xff\xfe*"),
        (b"GB18030", b"\x81\x30\x81*"),
    ):
        answer = said(door, find_request(element(8, 5, charset) + element(0x10, 0x10, name)), RELEASE)
        assert [True] == [code in answer for code in map(status, (0, 0xA900, 0xC000)) if code in answer]
        assert status(0xFF00) not in answer


def test_two_data_sets_in_one_and_fragments_of_one_byte_are_read_as_they_are(door: Door) -> None:
    body = encoded(query(PatientName="LEF*"), implicit=True)
    drops = b"".join(pdata(body[at : at + 1], 2 if at == len(body) - 1 else 0) for at in range(len(body)))
    both = (len(body) + 2).to_bytes(4, "big") + b"\1\2" + body
    whole = command(0x20, MWL)
    one_pdu = pdu(4, (len(whole) + 2).to_bytes(4, "big") + b"\1\3" + whole + both)

    for parts in ((pdata(whole, 3), drops), (one_pdu,)):
        assert 3 == said(door, *parts, RELEASE).count(status(0xFF00))


def test_what_a_peer_sends_never_reaches_the_log(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    canary = CANARY.encode()
    with caplog.at_level(logging.DEBUG):
        said(door, find_request(element(0x10, 0x10, canary + b"^A") + element(0x10, 0x20, canary)), RELEASE)
        said(door, find_request(element(0x40, 0x100, canary)), RELEASE)
        said(door, find_request(element(8, 5, canary) + element(0x10, 0x10, canary)), RELEASE)
        said(door, pdata(command(0x140, MPPS, element(0, 0x1000, canary)), 3, 3), pdata(element(0x10, 0x10, canary), 2, 3), RELEASE)
        with socket.create_connection(("127.0.0.1", door.port), 10) as peer:
            peer.sendall(associate(calling=b'X"\n{"code":1}'.ljust(16)))
            assert peer.recv(1) == b"\3"
        until(lambda: door.server.connections == 0, 10)

    told = [json.dumps(getattr(record, "line", {})) + record.getMessage() for record in caplog.records]
    assert told
    assert not [line for line in told if CANARY in line or "\n" in line]
