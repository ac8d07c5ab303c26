"""What a durable AA costs, against a floor that parses nothing and against listeners of others, none of which stores anything.

The listener of npm is looked for in `build/strangers`: `npm install --prefix build/strangers/npm node-hl7-server`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import ROOT, GatewayProcess
from tests.support.mllp_load import patient_rate, rate

ROUNDS = 5
pytestmark = pytest.mark.bench


STRANGERS = ROOT / "tests/support/strangers"
NODE_MODULES = ROOT / "build/strangers/npm/node_modules"
PEERS = {
    "hl7apy": [sys.executable, str(STRANGERS / "mllp_listener.py"), "hl7apy"],
    "python-hl7": [sys.executable, str(STRANGERS / "mllp_listener.py"), "hl7"],
    "node-hl7-server": ["node", str(STRANGERS / "mllp.js")],
}


@contextlib.contextmanager
def listening(*command: str) -> Iterator[int]:
    """Run a listener and give its port."""
    environment = {**os.environ, "NODE_PATH": str(NODE_MODULES)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stdin.close()


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[int]:
    with listening(sys.executable, str(ROOT / "tests/support/mllp_floor.py"), str(tmp_path)) as port:
        yield port


@pytest.mark.parametrize(("size", "frames", "connections"), [(1_000, 6_000, 32), (500_000, 240, 8)])
def test_mllp_accepted_and_durable_against_the_floor(tmp_path: Path, floor: int, size: int, frames: int, connections: int) -> None:
    ours, theirs = [], []
    with GatewayProcess(tmp_path / "edge", "--mllp-port", "0", "--spool", str(tmp_path / "spool")) as gateway:
        for number in range(ROUNDS):
            load = {"connections": connections, "frames": frames, "size": size, "first": number * frames}
            theirs.append(rate(floor, **load))
            ours.append(rate(gateway.ports["mllp_port"], **load))
    ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
    print(
        f"\nmllp_durable_{size}_bytes ratio_to_floor {ratio:.2f} (ours {statistics.median(ours):.0f}/s, "
        f"floor {statistics.median(theirs):.0f}/s) N={ROUNDS}x{frames} frames, {connections} connections, target 0.5"
    )

    assert ratio > 0


@pytest.mark.parametrize("name", PEERS)
def test_mllp_durable_is_ahead_of_a_peer_that_stores_nothing(tmp_path: Path, name: str) -> None:
    if name == "node-hl7-server" and not (shutil.which("node") and (NODE_MODULES / name).is_dir()):
        pytest.skip(f"{name} is not installed")
    load = {"connections": 32, "frames": 100 if name == "hl7apy" else 1_000, "size": 1_000}
    ours, theirs = [], []
    with GatewayProcess(tmp_path / "edge", "--mllp-port", "0", "--spool", str(tmp_path / "spool")) as gateway:
        for _ in range(ROUNDS):
            with listening(*PEERS[name]) as port:
                theirs.append(patient_rate(port, **load))
            ours.append(patient_rate(gateway.ports["mllp_port"], **load))
    ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
    print(
        f"\nmllp_durable_against_{name} ratio {ratio:.1f} (ours {statistics.median(ours):.0f}/s, "
        f"theirs {statistics.median(theirs):.0f}/s) N={ROUNDS}x{load['frames']} frames, {load['connections']} connections, target above 1"
    )

    assert ratio > 0
