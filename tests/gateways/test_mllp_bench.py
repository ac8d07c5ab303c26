"""What a durable AA costs, against a floor that parses nothing; ratios of one run."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import ROOT, GatewayProcess
from tests.support.mllp_load import rate

ROUNDS = 5
pytestmark = pytest.mark.bench


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, str(ROOT / "tests/support/mllp_floor.py"), str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


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
