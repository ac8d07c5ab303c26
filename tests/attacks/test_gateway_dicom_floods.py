"""Counts and a ratio over the DICOM door: malformed input by the hundred thousand, and a good client among probes and slow ones."""

from __future__ import annotations

import contextlib
import itertools
import random
import resource
import shutil
import socket
import statistics
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateways.edge.dicom.connection import Connection
from gateways.edge.dicom.matching import QueryFault, read_query
from tests.support.dicom import (
    MPPS,
    MWL,
    Door,
    a_door,
    associate,
    associated,
    command,
    echo_request,
    element,
    find_request,
    pdata,
    pdu,
)
from tests.support.dicom_speed import peers
from tests.support.waiting import until
from tests.support.worklist import an_item, encoded, performed, query, step

pytestmark = pytest.mark.slow
SEED, STREAMS, OVER_TCP, IDENTIFIERS = 20260302, 70_000, 10_000, 30_000
GROWTH_BYTES = 64 * 1024 * 1024
TARGET = 1.2
EVERY_S, AT_A_TIME = 0.25, 4  # how often a slow client sends its next byte, and how many of them do so in the same moment


class Nowhere:
    """A transport that keeps nothing."""

    def get_extra_info(self, name: str) -> Any:
        return ("127.0.0.1", 1)

    def write(self, data: bytes) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


IDENTIFIER = encoded(query({"Modality": "CT", "ScheduledStationAETitle": "CT1"}, PatientName="A*", PatientID=""), implicit=True)
CREATE = pdata(command(0x140, MPPS, element(0, 0x1000, b"1.2.3")), 3, 3) + pdata(encoded(performed(step(1)), implicit=True), 2, 3)
REQUESTS = (find_request(IDENTIFIER), CREATE, echo_request(), pdu(5, bytes(4)), pdu(7, bytes(4)))


def mutated(chance: random.Random, data: bytes) -> bytes:
    """Change, cut, double or insert a little."""
    body = bytearray(data)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(body))
        match chance.randrange(4):
            case 0:
                body[at] = chance.randrange(256)
            case 1:
                body[at:at] = chance.randbytes(chance.randrange(1, 8))
            case 2:
                del body[at : at + chance.randrange(1, 8)]
                body = body or bytearray(b"\0")
            case _:
                body[at] ^= 1 << chance.randrange(8)
    return bytes(body)


def a_stream(chance: random.Random) -> bytes:
    """Return what a broken or hostile peer sends: its request for an association is well formed two times in three."""
    requests = b"".join(chance.choice(REQUESTS) for _ in range(chance.randrange(1, 4)))
    if chance.random() < 0.34:
        return mutated(chance, associate() + requests)
    return associate() + mutated(chance, requests)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with a_door(tmp_path_factory.mktemp("flooded"), association_timeout_s=1.0, idle_timeout_s=2.0) as opened:
        yield opened


def assert_alive(door: Door) -> None:
    with associated(door.port) as association:
        assert 0x0000 == association.send_c_echo().Status
        answers = [one for _, one in association.send_c_find(query(PatientName="LEF*"), MWL) if one is not None]
        assert len(answers) >= 1


def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def settled(door: Door) -> bool:
    return (door.server.connections, door.server.held) == (0, 0)


def test_malformed_streams_leave_the_door_alive_and_bounded(door: Door) -> None:
    chance = random.Random(SEED)
    tasks, threads = door.tasks(), threading.active_count()

    def throw(count: int) -> None:
        for _ in range(count):
            connection = Connection(door.server)
            connection.connection_made(Nowhere())  # type: ignore[arg-type]
            data = a_stream(chance)
            cut = chance.randrange(len(data))
            for part in (data[:cut], data[cut:]):
                connection.data_received(part)
            connection.connection_lost(None)

    door.call(lambda: throw(2000))  # warm: caches, code, arenas
    before = memory()
    for _ in range(STREAMS // 1000):
        door.call(lambda: throw(1000))
    until(lambda: settled(door), 30)

    grown = memory() - before
    print(f"\ndicom_malformed_streams {STREAMS} alive, grown {grown // 1024} KiB, seed {SEED}")
    assert grown < GROWTH_BYTES
    assert (tasks, True) == (door.tasks(), threading.active_count() <= threads + 4)
    assert_alive(door)


def test_malformed_streams_over_tcp(door: Door) -> None:
    chance = random.Random(SEED + 1)
    for number in range(OVER_TCP):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", door.port), 5) as peer:
            peer.sendall(a_stream(chance))
            if number % 100 == 0:
                peer.settimeout(0.05)
                peer.recv(65536)
    until(lambda: settled(door), 30)

    print(f"\ndicom_malformed_over_tcp {OVER_TCP} alive, seed {SEED + 1}")
    assert_alive(door)


def test_malformed_identifiers_are_queries_or_faults() -> None:
    chance, item, faults = random.Random(SEED + 2), an_item(1), 0
    for _ in range(IDENTIFIERS):
        try:
            read_query(mutated(chance, IDENTIFIER), implicit=True, station_charset="ISO_IR 100").matches(item)
        except QueryFault:
            faults += 1

    print(f"\ndicom_malformed_identifiers {IDENTIFIERS}, {faults} refused with a status, seed {SEED + 2}")
    assert 0 < faults < IDENTIFIERS


@contextlib.contextmanager
def a_bad_neighbourhood(port: int, *, probes: int, slow: int) -> Iterator[None]:
    """Hold `probes` silent connections and `slow` ones that send a byte four times a second, half of them before their association."""
    open_now: list[socket.socket] = []
    dripping: list[tuple[socket.socket, bytes]] = []
    ended = threading.Event()
    for number in range(slow):
        peer = socket.create_connection(("127.0.0.1", port), 10)
        whole = associate(calling=b"SLOW".ljust(16)) if number % 2 else find_request(IDENTIFIER)
        if number % 2 == 0:
            peer.sendall(associate(calling=b"SLOW".ljust(16)))
            peer.recv(65536)
        open_now.append(peer)
        dripping.append((peer, whole))
    open_now += [socket.create_connection(("127.0.0.1", port), 10) for _ in range(probes)]

    def drip() -> None:
        for at in itertools.count():
            for first in range(0, slow, AT_A_TIME):
                if ended.wait(EVERY_S * AT_A_TIME / slow):
                    return
                for peer, whole in dripping[first : first + AT_A_TIME]:
                    with contextlib.suppress(OSError):
                        peer.send(whole[at % len(whole) : at % len(whole) + 1])

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(10)
        for peer in open_now:
            peer.close()


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler for the client")
def test_a_good_client_among_a_thousand_probes_and_two_hundred_slow_ones(tmp_path: Path) -> None:
    """Two gateways stand side by side, one of them in the bad neighbourhood, and a client asks each in turn for a quarter of a second."""
    client, rounds, turns = peers.Client(tmp_path), 6, 4
    quiet, crowded = [], []
    with contextlib.ExitStack() as stack:
        left, right = (
            stack.enter_context(peers.the_gateway(peers.a_folder(tmp_path / name, 200), tmp_path / name))
            for name in ("left", "right")
        )
        for alone, beset in [(left, right), (right, left)] * (rounds // 2):
            with a_bad_neighbourhood(beset.port, probes=1000, slow=200):
                for _ in range(turns):
                    quiet.append(client.measure(alone, clients=1, seconds=0.25))
                    crowded.append(client.measure(beset, clients=1, seconds=0.25))
    ratio = statistics.median(one.p99_us for one in crowded) / statistics.median(one.p99_us for one in quiet)
    print(
        f"\ndicom_good_client_p99 ratio {ratio:.2f} among 1000 probes and 200 slow clients N={rounds * turns} turns, "
        f"{sum(one.queries for one in crowded)} queries, target {TARGET}"
    )

    assert 0 == sum(one.failures for one in (*quiet, *crowded))
    assert all(one.answers == one.queries * peers.PER_DAY for one in crowded)
