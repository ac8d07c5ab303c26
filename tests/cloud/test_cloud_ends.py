"""Nothing survives: whoever is killed, all that it had started ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.cloud.client import ROOT
from tests.cloud.conftest import FIXTURES
from tests.support.processes import descendants
from tests.support.waiting import until

TOP = """
import sys, threading
from pathlib import Path
from infra.local.children import exit_when_orphaned
from infra.local.cloud.client import start_cloud
exit_when_orphaned()
folder, template = map(Path, sys.argv[1:])
with start_cloud(folder, template, schedules=False) as cloud:
    threading.Thread(target=cloud.invoke, args=("SingleFunction", {"do": "hang"}), daemon=True).start()
    threading.Event().wait()
"""

MAKE = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
"""Stands for make: it starts the top process and waits."""


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def children_of(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(entry.read_text().rsplit(")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == pid:
            found.append(int(entry.parent.name))
    return found


def tree(folder: Path, make: int) -> list[int]:
    """Return make, the top process, the cloud and a busy function, once all of them live."""
    until((folder / "cloud.json").exists, 60)
    cloud = int(json.loads((folder / "cloud.json").read_text())["pid"])
    (top,) = children_of(make)
    functions = until(lambda: len(found := descendants(cloud)) > 1 and found, 30)  # the nursery, and what it has forked
    return [make, top, cloud, *functions]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(
    "victim",
    [
        pytest.param(0, id="make"),
        pytest.param(1, id="top", marks=pytest.mark.slow),
        pytest.param(2, id="cloud", marks=pytest.mark.slow),
    ],
)
def test_a_kill_leaves_nothing_even_of_a_busy_function(tmp_path: Path, victim: int) -> None:
    # A function that is busy does not read its pipe of events: without the life pipe it would stay for ever.
    argv = [sys.executable, "-c", MAKE, TOP, str(tmp_path), str(FIXTURES / "template.yaml")]
    make = subprocess.Popen(argv, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    processes = tree(tmp_path, make.pid)
    doomed = processes[victim:]
    os.kill(processes[victim], signal.SIGKILL)
    try:
        until(lambda: not any(alive(pid) for pid in doomed if pid != make.pid), 6)
    finally:
        for pid in processes[1:]:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        make.kill()
        make.wait()
