"""Figures of the spool that are counts or ratios of one run: memory under large documents, a restart with much that waits."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import pytest

from gateways.edge.dicom.echo import echo
from gateways.edge.spool import NewRow
from tests.support.gateway import NOW, GatewayProcess, a_spool, adt
from tests.support.mllp_load import rate

MEBIBYTE = 1024 * 1024


def resident_bytes(process: GatewayProcess, what: str) -> int:
    """Return the memory a process holds (`VmRSS`) or the most it ever held (`VmHWM`)."""
    lines = Path(f"/proc/{process.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{what}:"))


@pytest.mark.parametrize("frames", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_large_documents_take_bounded_memory(tmp_path: Path, frames: int) -> None:
    size = 500_000
    with GatewayProcess(tmp_path, "--mllp-port", "0", "--spool", str(tmp_path / "spool")) as gateway:
        before = resident_bytes(gateway, "VmRSS")
        rate(gateway.ports["mllp_port"], connections=8, frames=frames, size=size, first=1)
        grown = resident_bytes(gateway, "VmHWM") - before

    print(
        f"mllp_500kB_memory {grown / MEBIBYTE:.0f} MiB over rest, N={frames} documents of {size} bytes, 8 connections, target 64 MiB"
    )
    assert grown < 64 * MEBIBYTE


def seconds_to_first_echo(folder: Path, spool: Path) -> float:
    """Start a gateway on a spool and return the time until it answered a C-ECHO."""
    began = time.perf_counter()
    with GatewayProcess(folder, "--dicom-port", "0", "--mllp-port", "0", "--spool", str(spool)) as gateway:
        echo("127.0.0.1", gateway.ports["dicom_port"], called="RISMWL", calling="CT1")
        return time.perf_counter() - began


@pytest.mark.bench
def test_a_restart_with_much_that_waits(tmp_path: Path) -> None:
    frames, rounds = 10_000, 7
    with a_spool(tmp_path / "full") as spool:
        rows = [NewRow("message", f"AGENDA|{n % 20}", NOW, {"default_charset": "8859/1"}, adt(f"A{n}")) for n in range(frames)]
        for future in [spool.append(row) for row in rows]:
            future.result(60)
        assert frames == spool.waiting()
    full, empty = [], []
    for _ in range(rounds):
        empty.append(seconds_to_first_echo(tmp_path / "b", tmp_path / "empty"))
        full.append(seconds_to_first_echo(tmp_path / "a", tmp_path / "full"))
    ratio = statistics.median(one / other for one, other in zip(full, empty, strict=True))

    print(
        f"\nrestart_10000_spooled ratio {ratio:.2f} ({statistics.median(full):.2f} s, empty {statistics.median(empty):.2f} s) "
        f"N={rounds} rounds, target 2"
    )
    with a_spool(tmp_path / "full") as spool:
        assert frames == spool.waiting()
