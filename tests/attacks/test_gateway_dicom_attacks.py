"""What a hostile or broken peer does to the DICOM door: every malformed PDU and data set leaves it alive and bounded."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateways.edge.dicom import datasets
from gateways.edge.dicom.mpps import MppsDesk
from gateways.edge.dicom.worklist import Worklist
from gateways.edge.spool import Spool
from tests.support.dicom import Door, a_door, associate, element, find_request, pdata, pdu
from tests.support.gateway import Clock, a_store
from tests.support.waiting import until
from tests.support.worklist import an_item, encoded, performed, query, step


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with a_door(tmp_path_factory.mktemp("attacked"), association_timeout_s=1.0, idle_timeout_s=2.0) as opened:
        opened.worklist.put(an_item(1))
        yield opened


def throw(door: Door, *parts: bytes, wait_s: float = 0.3, stop: bytes = b"") -> bytes:
    """Send bytes, each part after an answer to the one before, and return what comes back until the peer closes, falls silent or says `stop`."""
    answer = b""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", door.port), 5) as peer:
        for part in parts[:-1]:
            peer.sendall(part)
            answer += peer.recv(65536)
        peer.sendall(parts[-1])
        peer.settimeout(wait_s)
        while more := peer.recv(65536):
            answer += more
            if stop and stop in answer:
                break
    return answer


def assert_alive(door: Door) -> None:
    answer = throw(door, associate(), find_request(encoded(query(PatientName="*"), implicit=True)), wait_s=5, stop=b"ESSAI^LOU")
    assert answer.startswith(b"\2")
    assert b"ESSAI^LOU" in answer


def test_random_bytes_and_mutated_associations(door: Door) -> None:
    chance = random.Random(5)
    whole = associate()
    for _ in range(60):
        body = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        throw(door, bytes(body) if chance.random() < 0.6 else chance.randbytes(chance.randrange(1, 400)), wait_s=0.02)

    assert_alive(door)


@pytest.mark.parametrize(
    "data",
    [
        (pdu(1, b""),),
        (b"\1\0\xff\xff\xff\xff" + bytes(200),),
        (pdu(4, b"\0\0\0\2\1\3"),),
        (pdu(7, bytes(4)),),
        (pdu(99, b"x" * 100),),
        (associate()[:-10],),
        (associate(), pdu(4, b"\xff\xff\xff\xff\1\3")),
        (associate(), pdata(b"", 3) + pdata(b"", 2)),
        (associate(), pdata(b"\xff" * 100, 3)),
        (associate(), associate()),
        (associate() + find_request(b""),),
    ],
    ids=[
        "empty",
        "four gigabytes",
        "data first",
        "abort first",
        "unknown",
        "cut",
        "long pdv",
        "no command",
        "noise command",
        "twice",
        "hasty",
    ],
)
def test_pdus_that_are_none(door: Door, data: tuple[bytes, ...]) -> None:
    throw(door, *data)
    assert_alive(door)


@pytest.mark.parametrize(
    "identifier",
    [
        b"\x08\x00",
        b"\x08\x00\x50\x00\xff\xff\xff\x7f" + b"x",
        b"\x40\x00\x00\x01" + b"\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff" * 200,
        element(0x0008, 0x0005, b"NO_SUCH_SET") + element(0x0010, 0x0010, b"\xe9\xff"),
        element(0x0010, 0x0010, b"*a" * 5000 + b"b"),
        element(0x0040, 0x0100, b"not a sequence!!"),
        element(0x0010, 0x0010, b"\0" * 1000),
    ],
    ids=["header cut", "length beyond the end", "deep nesting", "unknown set", "stars", "no sequence", "nul"],
)
def test_identifiers_that_are_none_get_a_status(door: Door, identifier: bytes) -> None:
    status = element(0, 0x900, b"\0\0")[:8]
    answer = throw(door, associate(), find_request(identifier), wait_s=5, stop=status)

    assert answer.startswith(b"\2")
    assert status in answer
    assert_alive(door)


def test_peers_that_say_nothing_are_let_go(door: Door) -> None:
    silent = [socket.create_connection(("127.0.0.1", door.port), 5) for _ in range(30)]

    until(lambda: door.server.connections == 0, 10)
    for peer in silent:
        peer.close()
    assert_alive(door)


def test_malformed_data_sets_are_read_or_refused() -> None:
    chance = random.Random(6)
    bodies = [encoded(one, implicit=True) for one in (step(1), performed(step(1)), query({"Modality": "CT"}, PatientName="A*"))]
    for _ in range(1500):
        body = bytearray(chance.choice(bodies))
        for _ in range(chance.randrange(1, 6)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        try:
            dataset = datasets.decode(bytes(body[: chance.randrange(1, len(body) + 1)]), implicit=True, liberal=True)
        except datasets.Undecodable:
            continue
        datasets.to_json(dataset)


def test_a_desk_survives_whatever_it_is_given(tmp_path: Path) -> None:
    chance = random.Random(8)
    with a_store(tmp_path) as store:
        worklist = Worklist()
        worklist.put(an_item(1))
        desk = MppsDesk(store, Spool(store), worklist, Clock())
        body = encoded(performed(step(1)), implicit=True)
        for number in range(300):
            mutant = bytearray(body)
            for _ in range(3):
                mutant[chance.randrange(len(mutant))] = chance.randrange(256)
            try:
                dataset = datasets.decode(bytes(mutant), implicit=True, liberal=True)
            except datasets.Undecodable:
                continue
            assert desk.create(f"1.2.{number}", dataset, "CT1").status in (0x0000, 0x0106, 0x0120, 0x0121)
