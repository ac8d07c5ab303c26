"""An execution environment: the official Lambda runtime of AWS, fed through a pipe instead of the Runtime API.

It is started by path with the interpreter's -S and -P options, so that nothing is importable but the function's code, its layers
and the third-party packages. It imports nothing of this repository. The process that is started is the nursery: it loads third-party
packages that most functions import, and forks an environment per request; only then are the function's variables and paths there.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

from awslambdaric.lambda_runtime_client import BaseLambdaRuntimeClient, InvocationRequest

END_OF_LOGS = b"\0end "
"""Start of the line that closes an invocation's output."""

PRELOADED = ("boto3", "botocore.client", "pydantic")
"""What the nursery imports; all of it is on every function's path, and none of it reads a variable before it is used."""


class PipeRuntimeClient(BaseLambdaRuntimeClient):
    """The runtime's client, over a pipe."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(None)
        self._connection = connection

    def wait_next_invocation(self) -> InvocationRequest:
        """Say that the environment is free, and wait for its next event."""
        try:
            self._connection.send_bytes(b"ready")
            headers = json.loads(self._connection.recv_bytes())
            body = self._connection.recv_bytes()
        except (EOFError, OSError):
            os._exit(0)
        return InvocationRequest(
            invoke_id=headers["id"],
            event_body=body,
            content_type="application/json",
            client_context=None,
            cognito_identity=None,
            tenant_id=None,
            invocation_id=None,
            x_amzn_trace_id=headers["trace"],
            invoked_function_arn=headers["arn"],
            deadline_time_in_ms=headers["deadline_ms"],
        )

    def post_invocation_result(self, invoke_id: str, data: object, *_: object, **__: object) -> None:
        """Hand back what the handler returned."""
        self._answer(invoke_id, b"ok", data)

    def post_invocation_error(self, invoke_id: str, data: object, *_: object, **__: object) -> None:
        """Hand back the handler's exception."""
        self._answer(invoke_id, b"error", data)

    def post_init_error(self, error: object, *_: object, **__: object) -> None:
        """Hand back why the function could not be loaded."""
        self._answer("init", b"init", json.dumps(error))

    def _answer(self, invoke_id: str, kind: bytes, data: object) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(1, b"\n" + END_OF_LOGS + invoke_id.encode() + b"\n")
        self._connection.send_bytes(kind)
        self._connection.send_bytes(data.encode() if isinstance(data, str) else bytes(data))


def _die_with_the_parent(descriptor: int) -> None:
    """Wait on the life pipe: a busy handler does not read the other one."""

    def wait() -> None:
        while os.read(descriptor, 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, name="life-pipe", daemon=True).start()


def _nursery(life: int, requests: socket.socket) -> int:
    """Fork an environment per request; return, in the environment alone, the descriptor of its pipe of events."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    while True:
        ready, _, _ = select.select([life, requests, woken], [], [])
        if life in ready:
            os._exit(1)
        if woken in ready:
            os.read(woken, 4096)
            _say_who_ended(requests)
        if requests in ready:
            request, descriptors = _request(requests)
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for descriptor in (woken, wake, requests.detach()):
                    os.close(descriptor)
                return _become(request, *descriptors)
            with contextlib.suppress(PermissionError, ProcessLookupError):  # whoever is first makes the group
                os.setpgid(pid, pid)
            for descriptor in descriptors:
                os.close(descriptor)
            requests.sendall(b"started %d\n" % pid)


def _request(requests: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Read one line, to which two descriptors are attached."""
    line, descriptors, _, _ = socket.recv_fds(requests, 65536, 2)
    if not line:
        os._exit(0)
    while not line.endswith(b"\n"):
        line += requests.recv(65536)
    return json.loads(line), descriptors


def _say_who_ended(requests: socket.socket) -> None:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            requests.sendall(b"ended %d %d\n" % (ended[0], os.waitstatus_to_exitcode(ended[1])))


def _become(request: dict[str, Any], events: int, output: int) -> int:
    """Take the variables, the paths, the folder and the output of the function."""
    os.setpgid(0, 0)
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    paths = os.environ["PYTHONPATH"].split(os.pathsep)
    sys.path[:] = [*paths, *(path for path in sys.path if path not in paths)]
    os.chdir(request["folder"])
    return events


def _load() -> None:
    """Import what most functions import, and keep it out of the collector's way, which would copy its pages."""
    for name in PRELOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def main() -> None:
    """Be the nursery; in each process that it forks, run the handler named by the environment until the parent closes the pipe."""
    life = int(os.environ.pop("RIS_LIFE_FD"))
    os.set_inheritable(life, False)
    requests = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(requests.fileno(), False)
    _load()
    events = _nursery(life, requests)
    _die_with_the_parent(life)
    from awslambdaric import bootstrap

    bootstrap.run(os.environ["_HANDLER"], PipeRuntimeClient(Connection(events)))


if __name__ == "__main__":
    main()
