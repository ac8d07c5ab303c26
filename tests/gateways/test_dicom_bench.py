"""Worklist answers against dcmtk's and Orthanc's servers and a floor in C; ratios of one run, never asserted but for being whole.

Sixteen clients, a new association for each query, a query that five steps answer whatever the size of the list. One client in C, which
waits in one epoll for all its associations, asks every server alike. Two servers are asked in turn, several times; a ratio is the
median of the rounds' ratios. Beside it stands what a query costs each server in CPU time, which other work on the machine touches
less. Peers run at their best setting: TCP_NODELAY, and dcmtk's both ways of working. One that is not installed is named.
"""

from __future__ import annotations

import contextlib
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.support.dicom_speed import peers
from tests.support.dicom_speed.peers import Client, Measured, Served

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler for the client"),
]
TARGETS = {20: 15, 200: 50, 20_000: 2000}
FLOOR, FLATNESS, ROUNDS = 0.35, 1.3, 5
PEERS: dict[str, tuple[str, Callable[[Path, Path], contextlib.AbstractContextManager[Served]]]] = {
    "dcmtk": ("wlmscpfs", peers.dcmtk),
    "dcmtk-single-process": ("wlmscpfs", lambda folder, scratch: peers.dcmtk(folder, scratch, "--single-process")),
    "orthanc": ("Orthanc", peers.orthanc),
}


def told(name: str, target: str, ours: list[Measured], theirs: list[Measured]) -> None:
    def side(found: list[Measured]) -> str:
        rate, cpu = (statistics.median(values) for values in ([one.rate for one in found], [one.cpu_us for one in found]))
        return f"{rate:.1f}/s of {sum(one.queries for one in found)}, {cpu:.0f} µs CPU"

    rates = [one.rate / max(other.rate, 1e-9) for one, other in zip(ours, theirs, strict=True)]
    costs = [other.cpu_us / max(one.cpu_us, 1e-9) for one, other in zip(ours, theirs, strict=True)]
    print(
        f"\n{name} ratio {statistics.median(rates):.2f}, by CPU {statistics.median(costs):.2f} "
        f"(ours {side(ours)}; theirs {side(theirs)}) N={len(ours)} rounds, target {target}",
        flush=True,
    )


def whole(found: list[Measured]) -> bool:
    return all(one.failures == 0 and one.answers == one.queries * peers.PER_DAY for one in found)


def in_turns(client: Client, one: Served, other: Served, *, rounds: int, seconds: tuple[float, float]) -> list[list[Measured]]:
    """Ask both once to warm them, then each in its turn."""
    sides = [partial(client.measure, server, seconds=length) for server, length in zip((one, other), seconds, strict=True)]
    client.measure(one, seconds=0.3)
    found = [[side() for side in sides] for _ in range(rounds)]
    return [list(side) for side in zip(*found, strict=True)]


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("size", TARGETS)
def test_answers_against_a_peer(tmp_path: Path, size: int, peer: str) -> None:
    program, server = PEERS[peer]
    if not peers.installed(program):
        pytest.skip(f"worklist_{size}_steps_to_{peer}: {program} is not installed")
    folder, slow = peers.a_folder(tmp_path, size), size > 1000
    with peers.the_gateway(folder, tmp_path) as gateway, server(folder, tmp_path) as stranger:
        rounds, seconds = (1, (5.0, 45.0)) if slow else (ROUNDS, (2.0, 2.0))
        ours, theirs = in_turns(Client(tmp_path), gateway, stranger, rounds=rounds, seconds=seconds)

    assert whole(ours)
    told(f"worklist_{size}_steps_to_{peer}", f"{TARGETS[size]}", ours, theirs)


def test_answers_against_a_floor_that_echoes_them(tmp_path: Path) -> None:
    folder = peers.a_folder(tmp_path, 200)
    with peers.the_gateway(folder, tmp_path) as gateway, peers.the_floor(tmp_path, gateway) as echo:
        ours, floor = in_turns(Client(tmp_path), gateway, echo, rounds=2 * ROUNDS, seconds=(1.0, 1.0))

    assert whole(ours)
    assert whole(floor)
    told("worklist_200_steps_to_floor", str(FLOOR), ours, floor)


def test_answers_do_not_slow_down_with_the_list(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        servers = []
        for size in (200, 20_000):
            (tmp_path / str(size)).mkdir()
            servers.append(stack.enter_context(peers.the_gateway(peers.a_folder(tmp_path, size), tmp_path / str(size))))
        small, large = in_turns(Client(tmp_path), *servers, rounds=4 * ROUNDS, seconds=(1.0, 1.0))

    assert whole(small)
    assert whole(large)
    told("worklist_200_to_20000_steps", f"at most {FLATNESS}", small, large)


@pytest.mark.skipif(not peers.installed("findscu") or not peers.installed("wlmscpfs"), reason="dcmtk is not installed")
def test_the_whole_process_of_findscu(tmp_path: Path) -> None:
    folder = peers.a_folder(tmp_path, 200)
    arguments = ["-W", "-aet", "CT00", "-aec", peers.TITLE, "127.0.0.1"]
    keys = ["(0040,0100)[0].ScheduledStationAETitle=CT00", "(0040,0100)[0].ScheduledProcedureStepStartDate=20260101", "PatientName"]
    keyed = [part for key in keys for part in ("-k", key)]

    def took(server: Served) -> float:
        begun = time.perf_counter()
        command_line = ["findscu", *arguments, str(server.port), *keyed]
        subprocess.run(command_line, check=True, capture_output=True, timeout=30)
        return time.perf_counter() - begun

    ours, theirs = [], []
    with peers.the_gateway(folder, tmp_path) as one, peers.dcmtk(folder, tmp_path) as other:
        for _ in range(40):
            ours.append(took(one))
            theirs.append(took(other))
    print(
        f"\nfindscu_200_steps ratio {statistics.median(ours) / statistics.median(theirs):.2f} "
        f"(ours {statistics.median(ours) * 1000:.1f} ms, dcmtk's server {statistics.median(theirs) * 1000:.1f} ms) "
        "N=40 each, target below 1"
    )
    assert len(ours) == len(theirs)
