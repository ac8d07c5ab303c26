"""Commands in processes of their own, forked from one that has already imported what takes long to import.

What runs is what a new interpreter would run: its variables, arguments and standard streams are its own, and its end is an exit status.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

SERVER = r"""
import gc, json, os, sys
for name in sys.argv[1:]:
    __import__(name)
gc.freeze()
say = os.dup(1)
for line in sys.stdin:
    request = json.loads(line)
    pid = os.fork()
    if not pid:
        break
    os.write(say, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
else:
    os._exit(0)
os.close(say)
for number, path in enumerate(request["streams"]):
    os.dup2(os.open(path, os.O_RDWR), number)
sys.stdin = open(0)
sys.argv = request["argv"]
os.environ.clear()
os.environ.update(request["environment"])
exec(request["code"], {"__name__": "__main__"})
"""

COMMANDS = (
    "boto3",
    "ris.cli.app",
    "ris.bootstrap.audit",
    "ris.bootstrap.intake",
    "ris.bootstrap.operator",
    "ris.adapters.reference.dynamodb",
)
"""What the operator's command imports before it has asked AWS for the first time."""


class Forks:
    """One process that forks.

    Args:
        modules: What it imports before.
        environment: Its variables while it does.
    """

    def __init__(self, modules: Sequence[str], environment: Mapping[str, str]) -> None:
        argv = [sys.executable, "-c", SERVER, *modules]
        self._server = subprocess.Popen(argv, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        atexit.register(self._server.kill)

    def run(
        self, code: str, argv: Sequence[str], environment: Mapping[str, str], typed: str = "", timeout_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a program's text and return its status and what it wrote.

        Raises:
            TimeoutError: It did not end.
        """
        assert self._server.stdin
        assert self._server.stdout
        with tempfile.TemporaryDirectory() as folder:
            streams = [Path(folder, name) for name in ("typed", "out", "errors")]
            for stream, text in zip(streams, (typed, "", ""), strict=True):
                stream.write_text(text, "utf-8")
            request = {"code": code, "argv": list(argv), "environment": dict(environment), "streams": list(map(str, streams))}
            self._server.stdin.write(json.dumps(request).encode() + b"\n")
            self._server.stdin.flush()
            if not select.select([self._server.stdout], [], [], timeout_s)[0]:
                self._server.kill()
                raise TimeoutError(f"{argv} did not end within {timeout_s} s")
            status = int(self._server.stdout.readline())
            return subprocess.CompletedProcess(list(argv), status, *(each.read_text("utf-8") for each in streams[1:]))


@functools.cache
def _commands() -> Forks:
    return Forks(COMMANDS, _terminal())


def _terminal() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(Path.home()), "COLUMNS": "250"}


def ris(state: Path, *words: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the operator's command `ris` against the deployment of a state file, on a wide terminal.

    Args:
        typed: What the operator types.
        environment: Further variables.
    """
    argv = ["ris", "--stack-outputs", str(state), *words]
    return _commands().run("from ris.cli import main; main()", argv, {**_terminal(), **environment}, typed)
