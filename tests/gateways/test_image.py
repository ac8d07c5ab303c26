"""The image without an engine: the file tree that the Dockerfile copies is made here, looked at, and a gateway is run from it alone."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.gateway import ROOT, MllpClient, adt, segments
from tests.support.waiting import until

EDGE = ROOT / "gateways/edge"
CREDENTIAL, CREDENTIALS = "ris-spool-key", "/run/ris-credentials"
DOCKERFILE = (EDGE / "Dockerfile").read_text("utf-8")


def instructions(stage: int) -> list[list[str]]:
    """Return the instructions of one stage, split at blanks, continued lines joined."""
    lines = [line for line in DOCKERFILE.replace("\\\n", " ").splitlines() if line and not line.startswith("#")]
    starts = [number for number, line in enumerate(lines) if line.startswith("FROM ")]
    return [line.split() for line in lines[starts[stage] : [*starts, None][stage + 1]]]


def test_the_image_is_pinned_and_runs_as_nobody_special() -> None:
    bases = [words[1] for stage in (0, 1) for words in instructions(stage) if words[0] == "FROM"]
    last = instructions(1)
    (install,) = [words for words in instructions(0) if words[:3] == ["RUN", "pip", "install"]]

    assert ["python:3.13-slim@${PYTHON_DIGEST}"] * 2 == bases
    assert "ARG PYTHON_DIGEST\n" in DOCKERFILE  # no default
    assert {"--require-hashes", "--only-binary", ":all:"} <= set(install)
    assert ["USER", "10001"] in last
    assert {"HEALTHCHECK", "VOLUME", "STOPSIGNAL"} <= {words[0] for words in last}
    assert not [word for words in last for word in words if word in ("apt-get", "apt", "gcc", "build-essential")]


def test_the_container_is_read_only_and_holds_no_privilege() -> None:
    (service,) = yaml.safe_load((EDGE / "site/compose.yaml").read_text("utf-8"))["services"].values()

    assert service["read_only"] is True
    assert ["ALL"] == service["cap_drop"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "10001:10001" == service["user"]
    assert service["image"].startswith("${IMAGE:?")
    assert ["/etc/ris:/etc/ris:ro", f"{CREDENTIALS}:{CREDENTIALS}:ro", "spool:/var/lib/ris/spool"] == service["volumes"]
    assert CREDENTIALS == service["environment"]["CREDENTIALS_DIRECTORY"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_container_s_user_alone_reads_the_key_that_the_machine_opened(tmp_path: Path) -> None:
    given, laid = tmp_path / "given", tmp_path / "laid"
    given.mkdir()
    (given / CREDENTIAL).write_bytes(bytes(32))
    user = yaml.safe_load((EDGE / "site/compose.yaml").read_text("utf-8"))["services"]["gateway"]["user"]
    lines = (EDGE / "site/ris-credentials.service").read_text("utf-8").splitlines()
    for words in [line.partition("=")[2] for line in lines if line.startswith("ExecStart=")]:
        done = words.replace(CREDENTIALS, str(laid)).replace("${CREDENTIALS_DIRECTORY}", str(given))
        subprocess.run(done.split(), check=True)

    assert bytes(32) == (laid / CREDENTIAL).read_bytes()
    for path, mode in ((laid, 0o700), (laid / CREDENTIAL, 0o400)):
        assert (user, mode) == (f"{path.stat().st_uid}:{path.stat().st_gid}", path.stat().st_mode & 0o777)


def test_the_unit_gives_the_key_by_credential_and_is_confined() -> None:
    unit = configparser.RawConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(EDGE / "site/ris-gateway.service")
    service = unit["Service"]

    assert "ris-spool-key" == service["LoadCredentialEncrypted"]
    assert ("yes", "strict", "") == (service["DynamicUser"], service["ProtectSystem"], service["CapabilityBoundingSet"])


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_finds_the_unit_well_confined() -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(EDGE / "site/ris-gateway.service")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stdout[-200:]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make what the last stage holds below /opt."""
    image = tmp_path_factory.mktemp("image")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    wheels = ["--only-binary", ":all:", "--require-hashes", "-r", str(EDGE / "requirements.lock")]
    subprocess.run([*pip, *wheels, "--target", str(image / "opt/packages")], check=True)
    for words in instructions(1):
        if words[0] == "COPY" and not words[1].startswith("--from"):
            shutil.copytree(ROOT / words[1], image / words[2].lstrip("/"), ignore=shutil.ignore_patterns("__pycache__"))
    return image


def environment(image: Path) -> dict[str, str]:
    (line,) = [words for words in instructions(1) if words[0] == "ENV"]
    given = dict(word.split("=", 1) for word in line[1:])
    given["PYTHONPATH"] = os.pathsep.join(str(image / one.lstrip("/")) for one in given["PYTHONPATH"].split(":"))
    return given


def files(image: Path) -> set[str]:
    return {str(file.relative_to(image)) for file in image.rglob("*") if file.is_file()}


@pytest.mark.slow
def test_the_tree_holds_no_compiler_no_test_and_no_peer(tree: Path) -> None:
    packages = {path.name.partition("-")[0].lower() for path in (tree / "opt/packages").iterdir()}

    assert {"boto3", "cryptography", "pydicom"} <= packages
    assert not packages & {"pynetdicom", "pip", "setuptools", "wheel", "pytest", "moto", "lxml"}
    assert not [name for name in files(tree) if Path(name).name in ("gcc", "cc", "ld", "as", "clang", "rustc", "make")]
    assert not [name for name in files(tree) if name.startswith(("opt/gateways/tests", "opt/python/tests"))]
    assert not [name for name in files(tree) if name.endswith((".c", ".h", ".pyx", ".rs")) and not name.startswith("opt/packages")]


@pytest.fixture
def running(tree: Path, tmp_path: Path) -> Iterator[dict[str, int]]:
    """Run a gateway from the tree alone: no site-packages of this machine, nothing of this folder."""
    status = tmp_path / "status.json"
    arguments = ["--mllp-port", "0", "--dicom-port", "0", "--spool", str(tmp_path / "spool"), "--status-file", str(status)]
    command = [sys.executable, "-S", "-s", "-m", "gateways.edge", *arguments]
    process = subprocess.Popen(command, cwd=tmp_path, env=environment(tree), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        until(lambda: status.exists() or process.poll() is not None, 60)
        assert process.poll() is None, "the gateway did not start from its tree"
        yield json.loads(status.read_text())
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@pytest.mark.slow
def test_a_gateway_runs_from_the_tree_alone_and_writes_nothing_into_it(tree: Path, running: dict[str, int]) -> None:
    before = files(tree)
    with MllpClient(running["mllp_port"]) as line:
        assert "AA" == segments(line.exchange(adt("A1")))["MSA"][1]

    assert before == files(tree)


@pytest.mark.slow
def test_every_module_of_the_gateway_is_read_from_the_tree_alone(tree: Path, tmp_path: Path) -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in EDGE.rglob("*.py")
        if path.stem not in ("__main__", "site_cli")
    ]
    command = [sys.executable, "-S", "-s", "-c", f"import importlib\nfor one in {modules!r}: importlib.import_module(one)"]
    done = subprocess.run(command, cwd=tmp_path, env=environment(tree), capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stderr[-500:]
