"""Worklist answers against dcmtk's and Orthanc's servers and a floor in C; ratios of one run, never asserted but for being whole.

Sixteen clients, a new association for each query, a query that five steps answer whatever the size of the list. Each server is asked
in turn, several times; a ratio is the median of the rounds' ratios. Peers run at their best setting (TCP_NODELAY). One that is not
installed is named.
"""

from __future__ import annotations

import contextlib
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.dicom_speed import peers
from tests.support.dicom_speed.peers import Client, Measured

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler for the client"),
]
TARGETS = {20: 15, 200: 50, 20_000: 2000}
FLOOR, FLATNESS, ROUNDS = 0.35, 1.3, 5
STRANGERS = {"dcmtk": "wlmscpfs", "orthanc": "Orthanc"}
SERVERS: dict[str, Callable[..., contextlib.AbstractContextManager[int]]] = {"dcmtk": peers.dcmtk, "orthanc": peers.orthanc}


def told(name: str, value: float, target: str, ours: list[Measured], theirs: list[Measured]) -> None:
    def rates(found: list[Measured]) -> str:
        return f"{statistics.median(one.rate for one in found):.1f}/s of {sum(one.queries for one in found)}"

    print(
        f"\n{name} ratio {value:.2f} (ours {rates(ours)}, theirs {rates(theirs)}) N={len(ours)} rounds, target {target}", flush=True
    )


def ratio(ours: list[Measured], theirs: list[Measured]) -> float:
    return statistics.median(one.rate / max(other.rate, 1e-9) for one, other in zip(ours, theirs, strict=True))


def whole(found: list[Measured]) -> bool:
    return all(one.failures == 0 and one.answers == one.queries * peers.PER_DAY for one in found)


@pytest.mark.parametrize("size", TARGETS)
def test_answers_against_the_peers(tmp_path: Path, size: int) -> None:
    client, folder = Client(tmp_path), peers.a_folder(tmp_path, size)
    present = [name for name, program in STRANGERS.items() if peers.installed(program)]
    for name in STRANGERS.keys() - set(present):
        print(f"\nworklist_{size}_{name} not installed", flush=True)
    slow = size > 1000
    found: dict[str, list[Measured]] = {name: [] for name in ("ours", *present)}
    with contextlib.ExitStack() as stack:
        ports = {"ours": stack.enter_context(peers.the_gateway(folder, tmp_path))}
        ports |= {name: stack.enter_context(SERVERS[name](folder, tmp_path)) for name in present}
        for _ in range(1 if slow else ROUNDS):
            for name, port in ports.items():
                found[name].append(client.measure(port, seconds=60.0 if slow and name != "ours" else 2.0))

    assert whole(found["ours"])
    for name in present:
        told(f"worklist_{size}_steps_to_{name}", ratio(found["ours"], found[name]), f"{TARGETS[size]}", found["ours"], found[name])


def test_answers_against_a_floor_that_echoes_them(tmp_path: Path) -> None:
    client, folder = Client(tmp_path), peers.a_folder(tmp_path, 200)
    ours, floor = [], []
    with peers.the_gateway(folder, tmp_path) as port, peers.the_floor(tmp_path, port) as echo:
        for _ in range(2 * ROUNDS):
            ours.append(client.measure(port, seconds=1.0))
            floor.append(client.measure(echo, seconds=1.0))

    assert whole(ours)
    assert whole(floor)
    told("worklist_200_steps_to_floor", ratio(ours, floor), str(FLOOR), ours, floor)


def test_answers_do_not_slow_down_with_the_list(tmp_path: Path) -> None:
    client = Client(tmp_path)
    small, large = [], []
    with contextlib.ExitStack() as stack:
        ports = []
        for size in (200, 20_000):
            (tmp_path / str(size)).mkdir()
            ports.append(stack.enter_context(peers.the_gateway(peers.a_folder(tmp_path, size), tmp_path / str(size))))
        for _ in range(2 * ROUNDS):
            small.append(client.measure(ports[0], seconds=1.0))
            large.append(client.measure(ports[1], seconds=1.0))

    assert whole(large)
    told("worklist_200_to_20000_steps", ratio(small, large), f"at most {FLATNESS}", small, large)


@pytest.mark.skipif(not peers.installed("findscu") or not peers.installed("wlmscpfs"), reason="dcmtk is not installed")
def test_the_whole_process_of_findscu(tmp_path: Path) -> None:
    folder = peers.a_folder(tmp_path, 200)
    arguments = ["-W", "-aet", "CT00", "-aec", peers.TITLE, "127.0.0.1"]
    keys = ["(0040,0100)[0].ScheduledStationAETitle=CT00", "(0040,0100)[0].ScheduledProcedureStepStartDate=20260101", "PatientName"]
    keyed = [part for key in keys for part in ("-k", key)]

    def took(port: int) -> float:
        begun = time.perf_counter()
        subprocess.run(["findscu", *arguments, str(port), *keyed], check=True, capture_output=True, timeout=30)
        return time.perf_counter() - begun

    ours, theirs = [], []
    with peers.the_gateway(folder, tmp_path) as one, peers.dcmtk(folder, tmp_path) as other:
        for _ in range(40):
            ours.append(took(one))
            theirs.append(took(other))
    print(
        f"\nfindscu_200_steps ratio {statistics.median(ours) / statistics.median(theirs):.2f} "
        f"(ours {statistics.median(ours) * 1000:.1f} ms, dcmtk's server {statistics.median(theirs) * 1000:.1f} ms) N=40 each, target below 1"
    )
    assert len(ours) == len(theirs)
