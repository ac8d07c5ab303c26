"""A gateway as a process: durable over kill -9, gone with its parent, one at a time on a spool, honest in health."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from gateways.edge.hl7 import mllp
from tests.support.gateway import ROOT, GatewayProcess, MllpClient, adt, segments
from tests.support.waiting import until
from tests.support.worklist import part_10, step


def stored(folder: Path) -> list[str]:
    """Return MSH-10 of every frame in a spool."""
    connection = sqlite3.connect(folder / "spool" / "spool.sqlite3")
    try:
        return [bytes(row[0]).split(b"|")[9].decode() for row in connection.execute("SELECT body FROM inbound ORDER BY id")]
    finally:
        connection.close()


def a_gateway(folder: Path) -> GatewayProcess:
    return GatewayProcess(folder, "--mllp-port", "0", "--spool", str(folder / "spool"))


def health(port: int, path: str = "/") -> tuple[int, dict]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


class Sender(threading.Thread):
    """Sends without end until the line breaks; keeps the ids that were answered AA."""

    def __init__(self, port: int, name: str, window: int) -> None:
        super().__init__(daemon=True)
        self.port, self.title, self.window = port, name, window
        self.accepted: list[str] = []

    def run(self) -> None:
        try:
            with MllpClient(self.port) as line:
                number = 0
                while True:
                    ids = [f"{self.title}-{number + offset}" for offset in range(self.window)]
                    number += self.window
                    line.raw(b"".join(mllp.encode(adt(one)) for one in ids))
                    for _ in ids:
                        answer = line.answer()
                        if answer is None:
                            return
                        fields = segments(answer)["MSA"]
                        if fields[1] == "AA":
                            self.accepted.append(fields[2])
        except OSError:
            return


def until_accepted(senders: list[Sender], wanted: int) -> None:
    until(lambda: sum(len(sender.accepted) for sender in senders) >= wanted, 30, 0.001)


def killed_again_and_again(folder: Path, kills: int, frames_each: int, seed: int) -> tuple[int, int]:
    """Kill a gateway while frames come in; return how many were answered AA, and how many of those are lost."""
    chance = random.Random(seed)
    accepted: set[str] = set()
    for kill in range(kills):
        with a_gateway(folder) as gateway:
            senders = [Sender(gateway.ports["mllp_port"], f"K{kill}S{n}", 1 + 7 * n) for n in range(3)]
            for sender in senders:
                sender.start()
            until_accepted(senders, chance.randrange(frames_each // 2, frames_each * 2))
            gateway.end(signal.SIGKILL)
            for sender in senders:
                sender.join(10)
                accepted.update(sender.accepted)
    return len(accepted), len(accepted - set(stored(folder)))


def test_no_acknowledged_frame_is_lost_by_kill_9(tmp_path: Path) -> None:
    accepted, lost = killed_again_and_again(tmp_path, kills=3, frames_each=60, seed=11)

    print(f"aa_frames_lost {lost} of {accepted} over 3 kill -9 seed 11")
    assert 0 == lost
    assert accepted >= 90


@pytest.mark.slow
@pytest.mark.parametrize("seed", [12, 13, 14, 15])
def test_no_acknowledged_frame_is_lost_by_many_kill_9(tmp_path: Path, seed: int) -> None:
    accepted, lost = killed_again_and_again(tmp_path, kills=50, frames_each=120, seed=seed)

    print(f"aa_frames_lost {lost} of {accepted} over 50 kill -9 seed {seed}")
    assert 0 == lost
    assert accepted >= 5_000


def test_a_clean_stop_keeps_everything_and_ends_with_zero(tmp_path: Path) -> None:
    with a_gateway(tmp_path) as gateway, MllpClient(gateway.ports["mllp_port"]) as line:
        assert "AA" == segments(line.exchange(adt("A1")))["MSA"][1]
        line.raw(b"\x0b" + adt("HALF"))
        assert 0 == gateway.end(signal.SIGTERM)
        assert line.answer() is None
    assert ["A1"] == stored(tmp_path)


def test_a_gateway_dies_with_its_parent(tmp_path: Path) -> None:
    with a_gateway(tmp_path) as gateway:
        os.close(gateway._life)
        assert 0 == gateway.process.wait(6)
        gateway._life = os.open(os.devnull, os.O_RDONLY)


def test_a_spool_has_one_gateway(tmp_path: Path) -> None:
    with a_gateway(tmp_path):
        second = subprocess.run(
            [sys.executable, "-m", "gateways.edge", "--mllp-port", "0", "--spool", str(tmp_path / "spool")],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "layers/ris/python"), str(ROOT)))},
            capture_output=True,
            timeout=30,
            check=False,
        )
        assert 1 == second.returncode
        assert "déjà tenu" in second.stderr.decode()


def test_a_disk_that_refuses_is_answered_ar_and_shown(tmp_path: Path) -> None:
    settings = {"mllp": {}, "spool": str(tmp_path / "spool"), "spool_limit_bytes": 400_000}
    (tmp_path / "settings.json").write_text(json.dumps({**settings, "status_file": str(tmp_path / "status.json")}))
    with (
        GatewayProcess(tmp_path, "--config", str(tmp_path / "settings.json")) as gateway,
        MllpClient(gateway.ports["mllp_port"]) as line,
    ):
        answers = [segments(line.exchange(adt(f"A{n}") + b"NTE|" + b"x" * 50_000))["MSA"] for n in range(12)]
        codes = [answer[1] for answer in answers]

        assert ["AA", "AR"] == sorted(set(codes))
        assert [f"A{n}" for n in range(12)] == [answer[2] for answer in answers]
        assert 503 == health(gateway.ports["health_port"], "/ready")[0]
        assert 200 == health(gateway.ports["health_port"], "/live")[0]
    assert [f"A{n}" for n in range(12) if codes[n] == "AA"] == stored(tmp_path)


def test_health_tells_what_waits_and_no_value_of_a_patient(tmp_path: Path) -> None:
    folder = tmp_path / "worklist"
    folder.mkdir()
    (folder / "a.wl").write_bytes(part_10(step(1, PatientName="CANARI^ZOE")))
    (folder / "b.wl").write_bytes(b"broken")
    arguments = ("--worklist", str(folder), "--dicom-port", "0", "--mllp-port", "0", "--spool", str(tmp_path / "spool"))
    with GatewayProcess(tmp_path, *arguments) as gateway:
        with MllpClient(gateway.ports["mllp_port"]) as line:
            line.exchange(adt("A1", name="CANARI^ZOE"))
            line.exchange(adt("A1", name="CANARI^ZOE").replace(b"|A1|", b"||"))
        status, figures = health(gateway.ports["health_port"])

        assert (200, True, True) == (status, figures["live"], figures["ready"])
        assert {"AA": 1, "AE": 1} == figures["hl7"]["answers"]
        assert (1, 1) == (figures["spool"]["waiting"], figures["worklist"]["steps"])
        assert ["b.wl"] == figures["worklist"]["unreadable_files"]
        assert 404 == health(gateway.ports["health_port"], "/else")[0]
        assert "CANARI" not in json.dumps(figures)
        gateway.end()
    lines = (tmp_path / "gateway.log").read_text().splitlines()
    assert not [line for line in lines if "CANARI" in line]
    assert {"GATEWAY_001", "GATEWAY_002", "GATEWAY_003", "GATEWAY_010", "GATEWAY_011", "GATEWAY_043"} <= {
        json.loads(line)["code"] for line in lines
    }


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "--config"),
        (("--mllp-port", "0"), "--spool"),
        (("--dicom-port", "0", "--worklist", "/nowhere"), "--worklist"),
        (("--dicom-port", "77777"), "--dicom-port"),
    ],
)
def test_a_command_that_cannot_work_says_why(arguments: tuple[str, ...], word: str) -> None:
    from typer.testing import CliRunner

    from gateways.edge.cli import app

    result = CliRunner().invoke(app, ["run", *arguments])

    assert 2 == result.exit_code
    assert word in result.output
