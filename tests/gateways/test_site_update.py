"""`ris site update`: gateways that really run, one image after the other; the way back, and a loss of power anywhere."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateways.edge import site_cli
from gateways.edge.check import GATEWAY, Finding
from gateways.edge.engine import EngineFailed
from gateways.edge.update import Updater
from tests.support.engine import ScriptedDocker, image_tree
from tests.support.gateway import ROOT, MllpClient, adt, segments
from tests.support.stacks import site

OLD, NEW, DEAF, STILLBORN, ABSENT = (f"registry.example/ris-gateway@sha256:{digit * 64}" for digit in "01234")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Images: today's, a good new one, one whose MLLP door refuses everybody, one that does not start."""
    folder = tmp_path_factory.mktemp("images")
    version = {"__init__.py": ('VERSION = "0.1.0"', 'VERSION = "0.2.0"')}
    deaf = {"hl7/listener.py": ("self._stopping = False", "self._stopping = True")}
    stillborn = {"run.py": ("    configure()\n", "    raise SystemExit(1)\n")}
    return {
        OLD: image_tree(folder / "old", {}),
        NEW: image_tree(folder / "new", version),
        DEAF: image_tree(folder / "deaf", deaf),
        STILLBORN: image_tree(folder / "stillborn", stillborn),
    }


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write the settings of a machine; its PACS is switched off, which is no update's fault."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    etc = tmp_path / "etc"
    etc.mkdir()
    settings = {
        "site": "nord",
        "mllp": {},
        "dicom": {"modalities": [{"ae_title": "CT1"}]},
        "destinations": {"PACS": {"host": "127.0.0.1", "port": closed}},
        "spool": str(tmp_path / "spool"),
        "status_file": str(tmp_path / "engine/status.json"),
    }
    (etc / "gateway.json").write_text(json.dumps(settings))
    (etc / ".env").write_text(f"IMAGE={OLD}\n")
    return etc / "gateway.json"


@pytest.fixture
def docker(tmp_path: Path, registry: dict[str, Path], config: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedDocker]:
    """Run the old image."""
    with ScriptedDocker(tmp_path / "engine", registry, config) as engine:
        monkeypatch.setenv("PATH", engine.path, prepend=os.pathsep)
        assert (0, "") == engine.answer(["pull", OLD])
        assert (0, "") == engine.answer(["compose", "--project-directory", str(config.parent), "up"])
        engine.before_up.clear()
        yield engine


def update(config: Path, *words: str) -> Result:
    return CliRunner().invoke(site_cli.app, ["update", *words, "--config", str(config)])


def named(config: Path) -> str:
    assert not (config.parent / "update.json").exists()
    return config.with_name(".env").read_text().removeprefix("IMAGE=").strip()


def answers(docker: ScriptedDocker) -> str:
    """Send a message to the gateway that runs and return its MSA-1."""
    assert docker.container is not None
    with MllpClient(docker.container.ports["mllp_port"]) as line:
        return segments(line.exchange(adt("A1")))["MSA"][1]


def test_the_new_one_runs_when_all_that_was_well_is_well(docker: ScriptedDocker, config: Path) -> None:
    result = update(config, NEW, "--json")

    assert 0 == result.exit_code, result.output
    assert {"state": "updated", "old": OLD, "new": NEW, "why": ""} == json.loads(result.stdout)
    assert (NEW, NEW, "AA") == (named(config), docker.running, answers(docker))
    found = CliRunner().invoke(site_cli.app, ["check", "--config", str(config)])
    assert "version 0.2.0" in found.stdout
    again = update(config, NEW)
    assert (0, f"Déjà en service : {NEW}.\n") == (again.exit_code, again.stdout)


@pytest.mark.parametrize(
    ("image", "why"),
    [(DEAF, "HL7 (MLLP)"), (STILLBORN, "docker compose: container gateway-1 exited (1)")],
    ids=["deaf", "stillborn"],
)
def test_one_that_is_not_well_goes_back_by_itself(docker: ScriptedDocker, config: Path, image: str, why: str) -> None:
    result = update(config, image, "--within", "2")

    assert 1 == result.exit_code
    assert result.stdout.startswith(f"Revenue à {OLD}. La nouvelle n'allait pas : {why}"), result.output
    assert "PACS" not in result.stdout
    assert (OLD, OLD, "AA") == (named(config), docker.running, answers(docker))


def test_an_image_that_cannot_be_had_changes_nothing(docker: ScriptedDocker, config: Path) -> None:
    assert docker.container is not None
    before = docker.container.process.pid

    result = update(config, ABSENT)

    assert 1 == result.exit_code
    assert "rien n'est changé : docker pull: manifest unknown" in result.output
    assert (OLD, before, "AA") == (named(config), docker.container.process.pid, answers(docker))


@pytest.mark.parametrize(
    "words", [["registry.example/ris-gateway:latest"], [], [NEW, "--resume"], ["--outputs", __file__]], ids=repr
)
def test_what_names_no_digest_is_refused(docker: ScriptedDocker, config: Path, words: list[str]) -> None:
    result = update(config, *words)

    assert result.exit_code in (1, 2)
    assert (OLD, OLD) == (named(config), docker.running)


def test_the_stack_names_the_image(docker: ScriptedDocker, config: Path, tmp_path: Path) -> None:
    def outputs(image: str) -> str:
        made = [{"OutputKey": key, "OutputValue": value} for key, value in site("nord", image=image).outputs.items()]
        (tmp_path / "outputs.json").write_text(json.dumps({"Stacks": [{"Outputs": made}]}))
        return str(tmp_path / "outputs.json")

    nothing = update(config, "--outputs", outputs(""))
    assert (1, OLD) == (nothing.exit_code, named(config))
    assert "the stack names no GatewayImage" in nothing.output

    assert 0 == update(config, "--outputs", outputs(NEW)).exit_code
    assert (NEW, NEW) == (named(config), docker.running)


@pytest.mark.parametrize(("image", "ends_with", "code"), [(NEW, NEW, 0), (STILLBORN, OLD, 1)], ids=["finished", "undone"])
def test_a_loss_of_power_in_the_middle_is_settled_at_the_next_start(
    docker: ScriptedDocker, config: Path, image: str, ends_with: str, code: int
) -> None:
    docker.go_on.clear()
    ris = [sys.executable, "-c", "from ris.cli import main; main()", "site", "update", image, "--config", str(config)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "layers/ris/python"), str(ROOT)))}
    child = subprocess.Popen(ris, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        assert docker.before_up.wait(60), child.stderr and child.stderr.read()
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(20)
        assert child.stderr is not None
        child.stderr.close()
    docker.power_cut()
    docker.go_on.set()
    assert image == json.loads((config.parent / "update.json").read_text())["new"]

    result = update(config, "--resume", "--within", "30")

    assert code == result.exit_code, result.output
    assert (ends_with, ends_with, "AA") == (named(config), docker.running, answers(docker))
    assert "Aucune mise à jour en chemin.\n" == update(config, "--resume").stdout


class PowerCut(BaseException):
    """The machine loses its power."""


class PaperEngine:
    """An engine on paper, whose machine may lose its power at any of its steps."""

    def __init__(self, bad: str, folder: Path) -> None:
        self.bad, self.folder = bad, folder
        self.running = self.named = OLD
        self.steps_left = -1

    def step(self) -> None:
        """Lose the power when the time has come."""
        self.steps_left -= 1
        if self.steps_left == 0:
            raise PowerCut

    def image(self) -> str:
        return self.named

    def fetch(self, image: str) -> None:
        self.step()

    def set_image(self, image: str) -> None:
        self.step()
        assert (self.folder / "update.json").exists(), "changed before it was noted"
        self.named = image
        self.step()

    def start(self, within_s: float) -> None:
        self.step()
        self.running = self.named
        self.step()
        if self.running == self.bad:
            raise EngineFailed("exited")

    def look(self) -> list[Finding]:
        self.step()
        return [Finding(GATEWAY, self.running != self.bad, "")]


@pytest.mark.parametrize("bad", ["", NEW], ids=["good", "bad"])
@pytest.mark.parametrize("first", range(1, 12))
def test_wherever_the_power_goes_twice_one_of_the_two_runs_and_nothing_is_left_open(tmp_path: Path, bad: str, first: int) -> None:
    for second in range(12):
        folder = tmp_path / str(second)
        folder.mkdir()
        engine = PaperEngine(bad, folder)
        updater = Updater(engine, folder, engine.look, within_s=0, clock=lambda: 0.0, pause=lambda _: None)
        begun: list[Callable[[], object]] = [partial(updater.update, NEW), updater.resume, updater.resume]
        for go, steps in zip(begun, (first, second, -1), strict=True):
            engine.steps_left = steps
            try:
                go()
            except PowerCut:
                engine.running = engine.named  # the engine starts what is named when the power is back
        assert not (folder / "update.json").exists()
        assert engine.running == engine.named
        assert engine.running != bad
        assert engine.running in (OLD, NEW)
