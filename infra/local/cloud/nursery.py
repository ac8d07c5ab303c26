"""Starts execution environments by forking one process that has loaded what most functions import: a fraction of a cold start.

The nursery is a child of the cloud (`lambda_child`, started by path), one a cloud, started with the first environment. It forks on
request and says which of its children ended and how. An environment still is a process of its own, leader of its own group.
"""

import contextlib
import json
import os
import queue
import signal
import socket
import sys
import sysconfig
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.local.children import Child, Children
from infra.local.cloud import lambda_child

NAME = "nursery"
_START_S = 60
"""How long the nursery may take to load and to fork, in seconds; generous, since the machine is shared."""

_END_S = 10
"""How long the kernel and the nursery may take to tell the end of a killed process, in seconds."""


class Forked(Child):
    """A process that the nursery forked."""

    def __init__(self, pid: int) -> None:
        self.name = ""
        self.returncode: int | None = None
        self._pid = pid
        self._ended = threading.Event()

    @property
    def pid(self) -> int:
        """Return the process id, which is the group's id too."""
        return self._pid

    def alive(self) -> bool:
        """Tell whether the process still runs, as far as the nursery has said."""
        return not self._ended.is_set()

    def kill(self) -> None:
        """Kill the whole process group without notice and wait for the end."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        self._ended.wait(_END_S)

    def stop(self, timeout_s: float = 3.0) -> None:
        """Ask the process to end, then kill what remains of its group."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGTERM)
        self._ended.wait(timeout_s)
        self.kill()

    def end(self, returncode: int) -> None:
        """Take note of the end; the code is negative for a signal, as `Popen` has it."""
        self.returncode = returncode
        self._ended.set()


class Nursery:
    """The forking process, and what it has forked."""

    def __init__(self, children: Children) -> None:
        self._children = children
        self._lock = threading.Lock()
        self._open: tuple[socket.socket, queue.Queue[Forked | None]] | None = None

    def fork(self, name: str, environment: Mapping[str, str], folder: Path, descriptors: Sequence[int]) -> Forked:
        """Start an environment.

        Args:
            name: Name among the children.
            environment: All variables the process has.
            folder: Its working folder.
            descriptors: Its pipe of events, and what gets its output.

        Raises:
            OSError: The nursery ended or says nothing.
        """
        wanted = json.dumps({"environment": dict(environment), "folder": str(folder)}).encode() + b"\n"
        with self._lock:
            if self._open is None:
                self._open = self._start()
            requests, forked = self._open
            sent = socket.send_fds(requests, [wanted], list(descriptors))
            requests.sendall(wanted[sent:])
            try:
                child = forked.get(timeout=_START_S)
            except queue.Empty:
                child = None
        if child is None:
            raise OSError("the nursery of execution environments has ended or says nothing")
        child.name = name
        self._children.adopt(child)
        return child

    def _start(self) -> tuple[socket.socket, queue.Queue[Forked | None]]:
        ours, theirs = socket.socketpair()
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": sysconfig.get_path("purelib"),
            "LANG": "en_US.UTF-8",
            "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",  # macOS ends a forked process that asks for its proxies otherwise
        }
        argv = [sys.executable, "-S", "-P", lambda_child.__file__, str(theirs.fileno())]
        self._children.spawn(NAME, argv, environment, pass_fds=[theirs.fileno()])
        theirs.close()
        forked: queue.Queue[Forked | None] = queue.Queue()
        threading.Thread(target=self._listen, args=(ours, forked), name="nursery", daemon=True).start()
        return ours, forked

    def _listen(self, ours: socket.socket, forked: queue.Queue[Forked | None]) -> None:
        """Take what the nursery says: `started PID`, `ended PID CODE`; when it says no more, everything of its is over."""
        living: dict[int, Forked] = {}
        with ours, contextlib.suppress(OSError), ours.makefile("rb") as lines:
            for line in lines:
                word, pid, *code = line.split()
                if word == b"started":
                    living[int(pid)] = Forked(int(pid))
                    forked.put(living[int(pid)])
                else:
                    living.pop(int(pid)).end(int(code[0]))
        self._open = None
        forked.put(None)
        for child in living.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.end(-signal.SIGKILL)
