"""The demo as people run it: other folders of input, two runs side by side, somebody else's services, and nothing left however it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pikepdf.pdfa
import pytest
from cryptography import x509

from infra.local.children import Children, python
from infra.local.cloud.client import ROOT
from infra.local.demo.national import IDAM
from infra.local.demo.pki import Authority, write_server
from tests.support.deposits import submissions, verify
from tests.support.processes import descendants, runs
from tests.support.waiting import until

pytestmark = pytest.mark.slow

DEMO = [sys.executable, "-m", "infra.local.demo"]
FIRST = ROOT / "infra" / "local" / "demo" / "input" / "order_to_modality"
SECOND = Path(__file__).with_name("second_input")
NATIONAL = Path(__file__).with_name("national_input")
CHECKER = ROOT.parent / "shared" / "tools" / "check_cda.py"
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


@pytest.mark.long
def test_two_runs_side_by_side_one_with_another_folder_of_input(tmp_path: Path) -> None:
    folders = {"first": "", "second": str(SECOND)}
    runs_ = {
        name: subprocess.Popen([*DEMO, "run"], cwd=ROOT, env=environment(tmp_path / name, INPUT=given), stdout=subprocess.PIPE)
        for name, given in folders.items()
    }

    told = {name: process.communicate(timeout=400)[0].decode() for name, process in runs_.items()}

    assert {name: process.returncode for name, process in runs_.items()} == {"first": 0, "second": 0}, told
    for name in folders:
        out = tmp_path / name
        steps = json.loads((out / "journey.json").read_text())
        assert all(step["ok"] for step in steps)
        assert all((out / file).is_file() for step in steps for file in step["evidence"])
        assert not (out / ".work").exists()
        for folder in ("hl7", "dicom", "psc", "history", "pki", "insi", "usage"):
            assert any(file.stat().st_size for file in (out / folder).iterdir()), folder
    assert_documents_hold(tmp_path / "first", count=7)
    assert any((tmp_path / "first" / "mssante").glob("*.eml"))
    assert {step["journey"] for step in steps_of(tmp_path / "first")} >= {
        "order_to_modality",
        "announcement",
        "bad_day",
        "cut_off",
        "delegated",
        "second_thoughts",
    }
    # Nobody knows the second patient: the identity is not qualified, and nothing leaves for the DMP.
    assert not list((tmp_path / "second" / "cda").iterdir())


def steps_of(out: Path) -> list[dict[str, Any]]:
    file = out / "journey.json"
    return list(json.loads(file.read_text())) if file.exists() else []


MOMENTS = {
    "directory": "the hospital sends ORM^O01",
    "group": "the hospital sends ORM^O01",
    "cable-nord": "the hospital sends ORM^O01",
    "insi": "the receptionist logs in",
    "PACS-nord": "the receptionist books the room",
    "modality": "the booking machine confirms",
    "psc": "MPPS COMPLETED",
    "HIS-nord": "without its conclusion it is refused",
    "dmp": "the radiologist validates",
    "mss": "the radiologist validates",
}
"""After which step of the journey each simulator is killed."""


@pytest.mark.long
@pytest.mark.parametrize("name", MOMENTS)
def test_the_kill_of_a_simulator_is_a_red_step_within_its_deadline(tmp_path: Path, name: str) -> None:
    assert_red_after_a_kill(tmp_path / "out", FIRST, name, MOMENTS[name])


@pytest.mark.long
def test_the_kill_of_a_hospitals_platform_is_one_too(tmp_path: Path) -> None:
    assert_red_after_a_kill(tmp_path / "out", FIRST.with_name("delegated"), "HIS-est", "without its conclusion it is refused")


def assert_red_after_a_kill(out: Path, given: Path, name: str, moment: str) -> None:
    run = subprocess.Popen([*DEMO, "run"], cwd=ROOT, env=environment(out, INPUT=str(given)), stdout=subprocess.PIPE)
    until(lambda: any(moment in step["what"] for step in steps_of(out)) or run.poll() is not None, 200)
    running = {file.stem for file in (out / ".work").glob("*.status")}
    happened = len(steps_of(out))

    os.kill(json.loads((out / ".work" / f"{name}.status").read_text())["pid"], signal.SIGKILL)
    told = run.communicate(timeout=120)[0].decode()

    red = [step for step in steps_of(out)[happened:] if not step["ok"]]
    assert run.returncode == 1
    assert red[0]["why"] == f"{name} ended", told
    assert red[0]["milliseconds"] < red[0]["deadline_s"] * 1000
    assert f"deadline {red[0]['deadline_s']:g} s" in told
    assert given != FIRST or {one for one in running if not one.startswith("gateway-")} == set(MOMENTS)


def assert_documents_hold(out: Path, *, count: int) -> None:
    """Check what the DMP received with other tools than those it checks with itself."""
    sign = x509.load_pem_x509_certificate((out / "pki" / "630999001-sign.pem").read_bytes())
    received = list(submissions(out / "dmp"))
    assert len(received) == count
    for submission in received:
        verify(submission, sign)
    assert sorted(file.read_bytes() for file in (out / "cda").glob("*.xml")) == sorted(cda for one in received for cda in one.cda)
    for pdf in (out / "pdf").glob("*.pdf"):
        assert list(pikepdf.pdfa.validate_written(pdf, "1b").findings) == []
        assert pdf.with_name(f"{pdf.stem}-1.png").stat().st_size > 10_000


@pytest.mark.long
def test_corsica_nia_accents_a_closed_record_and_an_opposed_patient(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = subprocess.run(
        [*DEMO, "run"],
        cwd=ROOT,
        env=environment(out, INPUT=str(NATIONAL)),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert_documents_hold(out, count=3)
    texts = "".join(file.read_text() for file in (out / "cda").glob("*.xml"))
    for said in ("180032B02040123", 'root="1.2.250.1.213.1.4.9" extension="109076322088835"', "L'ŒILLET-BRÛLÉ", "œdème"):
        assert said in texts
    if CHECKER.exists():
        files = sorted(map(str, (out / "cda").glob("*.xml")))
        kept = {**os.environ, "SCHEMATRON_CACHE": str(tmp_path / "cache")}
        checked = subprocess.run([sys.executable, str(CHECKER), *files], capture_output=True, text=True, env=kept, check=False)
        assert checked.returncode == 0, checked.stdout


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


@pytest.mark.long
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
        given = environment(tmp_path / "out", INPUT=str(FIRST), **remote)
        done = subprocess.run([*DEMO, "run"], cwd=ROOT, env=given, capture_output=True, text=True, timeout=400, check=False)

    assert done.returncode == 0, done.stdout
    assert sorted(file.name for file in (tmp_path / "theirs").glob("*.json")) == ["001-authorize.json", "002-token.json"]
    assert all(file.name[4:].startswith("group-") for file in (tmp_path / "out" / "psc").glob("*.json"))


@pytest.mark.long
def test_somebody_elses_insi_and_dmp_take_the_place_of_ours(tmp_path: Path) -> None:
    authority, out = Authority(), tmp_path / "out"
    (tmp_path / "ca.pem").write_bytes(authority.chain_pem())
    ports = {"insi": free_port(), "dmp": free_port()}
    given = environment(
        out,
        INPUT=str(FIRST),
        INSI_URL=f"https://127.0.0.1:{ports['insi']}/lps",
        INSI_CA=str(tmp_path / "ca.pem"),
        DMP_URL=f"https://127.0.0.1:{ports['dmp']}/si-dmp-server/v2/services",
        DMP_CA=str(tmp_path / "ca.pem"),
    )
    facts = {"insi": {"idams": [IDAM]}, "dmp": {"cda": str(tmp_path / "cda"), "pdf": str(tmp_path / "pdf")}}

    run = subprocess.Popen([*DEMO, "run"], cwd=ROOT, env=given, stdout=subprocess.PIPE)
    with Children() as children:
        # They trust whom the run's evidence says to trust, and begin once that is there.
        until((out / "pki" / "crl.pem").exists, 60)
        trust = {"ca": str(out / "pki" / "ca.pem"), "crl": str(out / "pki" / "crl.pem")}
        for name, port in ports.items():
            tls = {**write_server(tmp_path, name, authority), **trust}
            said = {"status_file": str(tmp_path / f"{name}.status"), "evidence": str(tmp_path / name), "tls": tls, "port": port}
            (tmp_path / f"{name}.json").write_text(json.dumps({**said, **facts[name]}))
            children.spawn(name, python(f"infra.local.services.{name}", "--config", str(tmp_path / f"{name}.json")), cwd=ROOT)
        told = run.communicate(timeout=400)[0].decode()

    assert run.returncode == 0, told
    assert len(list((tmp_path / "insi").glob("*-request.http"))) == 1
    assert [file.name for file in sorted((tmp_path / "dmp").glob("*-request.http"))] == [
        "001-td0.2-request.http",
        "002-iti-41-request.http",
    ]
    assert len(list((tmp_path / "cda").iterdir())) == 1
    assert not (out / "dmp").exists()


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
    done = subprocess.run([*DEMO, "run"], cwd=ROOT, env=given, capture_output=True, text=True, timeout=400, check=False)

    steps = json.loads((tmp_path / "out" / "journey.json").read_text())
    assert done.returncode == 1
    assert not all(step["ok"] for step in steps)
    assert "did not happen" in done.stdout
