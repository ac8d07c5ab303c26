"""The demo as people run it: another folder of input, two runs side by side, and nothing left however it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.children import Children, python
from infra.local.cloud.client import ROOT
from infra.local.demo.pki import Authority, write_server
from tests.support.processes import descendants, runs
from tests.support.waiting import until

pytestmark = pytest.mark.slow

DEMO = [sys.executable, "-m", "infra.local.demo"]
SECOND = Path(__file__).with_name("second_input")
AFTER_A_KILL_S = 6.0


def environment(out: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RIS_", "OUT", "INPUT"))}
    return {**kept, "OUT": str(out), **more}


def started(argv: list[str], out: Path) -> subprocess.Popen[bytes]:
    """Start `up`, with SIGINT ignored as a script's shell does for what runs beside it, and return once it serves."""
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *argv],
        cwd=ROOT,
        env=environment(out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: served(out) or process.poll() is not None, 90)
    assert process.poll() is None
    return process


def served(out: Path) -> bool:
    """Tell whether the hospital's last message has been taken: everything runs."""
    file = out / "journey.json"
    steps = json.loads(file.read_text()) if file.exists() else []
    return bool(steps) and steps[-1]["ok"] and "ORM^O01" in steps[-1]["what"]


def test_two_runs_side_by_side_one_with_another_folder_of_input(tmp_path: Path) -> None:
    folders = {"first": "", "second": str(SECOND)}
    runs_ = {
        name: subprocess.Popen([*DEMO, "run"], cwd=ROOT, env=environment(tmp_path / name, INPUT=given), stdout=subprocess.PIPE)
        for name, given in folders.items()
    }

    told = {name: process.communicate(timeout=180)[0].decode() for name, process in runs_.items()}

    assert {name: process.returncode for name, process in runs_.items()} == {"first": 0, "second": 0}, told
    for name in folders:
        out = tmp_path / name
        steps = json.loads((out / "journey.json").read_text())
        assert all(step["ok"] for step in steps)
        assert all((out / file).is_file() for step in steps for file in step["evidence"])
        assert not (out / ".work").exists()
        for folder in ("hl7", "dicom", "psc", "history", "pki"):
            assert any(file.stat().st_size for file in (out / folder).iterdir()), folder


@pytest.mark.parametrize("wrapped", [False, True], ids=["the top process", "what started it, as make does"])
def test_a_kill_leaves_nothing_after_six_seconds(tmp_path: Path, wrapped: bool) -> None:
    shell = ["sh", "-c", f"{' '.join(DEMO)} up; true"]
    process = started(shell if wrapped else [*DEMO, "up"], tmp_path / "out")
    left = descendants(process.pid)
    assert len(left) > 5

    process.kill()
    process.wait()

    until(lambda: not any(runs(pid) for pid in left), AFTER_A_KILL_S)


def test_ctrl_c_stops_all_of_it_cleanly(tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = started([*DEMO, "up"], out)
    left = descendants(process.pid)

    process.send_signal(signal.SIGINT)

    assert process.wait(20) == 0
    assert not any(runs(pid) for pid in left)
    assert not (out / ".work").exists()


def test_somebody_elses_provider_takes_the_place_of_ours(tmp_path: Path) -> None:
    authority = Authority()
    (tmp_path / "ca.pem").write_bytes(authority.chain_pem())
    port = free_port()
    client = {"client_id": "their-name-for-us", "client_secret": "their secret"}
    client["redirect_uris"] = [f"http://127.0.0.1:{port}/login/psc/callback"]
    settings = {"status_file": str(tmp_path / "status"), "evidence": str(tmp_path / "theirs"), "clients": [client]}
    settings["tls"] = write_server(tmp_path, "theirs", authority)
    (tmp_path / "settings.json").write_text(json.dumps(settings))

    with Children() as children:
        children.spawn("theirs", python("infra.local.services.psc", "--config", str(tmp_path / "settings.json")), cwd=ROOT)
        until((tmp_path / "status").exists)
        remote = {
            "PSC_URL": json.loads((tmp_path / "status").read_text())["issuer"],
            "PSC_CA": str(tmp_path / "ca.pem"),
            "PSC_CLIENT_ID": client["client_id"],
            "PSC_CLIENT_SECRET": client["client_secret"],
            "PORTAL_PORT": str(port),
        }
        given = environment(tmp_path / "out", **remote)
        done = subprocess.run([*DEMO, "run"], cwd=ROOT, env=given, capture_output=True, text=True, timeout=180, check=False)

    assert done.returncode == 0, done.stdout
    assert sorted(file.name for file in (tmp_path / "theirs").glob("*.json")) == ["001-authorize.json", "002-token.json"]
    assert all(file.name[4:].startswith("group-") for file in (tmp_path / "out" / "psc").glob("*.json"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_step_that_does_not_happen_makes_the_run_fail(tmp_path: Path) -> None:
    journey = tmp_path / "input" / "order_to_modality"
    journey.mkdir(parents=True)
    for file in (SECOND / "order_to_modality").iterdir():
        if file.is_file():
            (journey / file.name).write_bytes(file.read_bytes())
    people = json.loads((journey / "people.json").read_text())
    people["receptionist"]["fields"]["subject"] = "manip.nord"  # may not book
    (journey / "people.json").write_text(json.dumps(people))

    given = environment(tmp_path / "out", INPUT=str(journey.parent))
    done = subprocess.run([*DEMO, "run"], cwd=ROOT, env=given, capture_output=True, text=True, timeout=180, check=False)

    steps = json.loads((tmp_path / "out" / "journey.json").read_text())
    assert done.returncode == 1
    assert not all(step["ok"] for step in steps)
    assert "did not happen" in done.stdout
