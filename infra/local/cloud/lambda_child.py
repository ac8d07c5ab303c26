"""An execution environment: the official Lambda runtime of AWS, fed through a pipe instead of the Runtime API.

It is started by path with the interpreter's -S and -P options, so that nothing is importable but the function's code, its layers
and the third-party packages. It imports nothing of this repository.
"""

import json
import os
import sys
import threading
from multiprocessing.connection import Connection

from awslambdaric import bootstrap
from awslambdaric.lambda_runtime_client import BaseLambdaRuntimeClient, InvocationRequest

END_OF_LOGS = b"\0end "
"""Start of the line that closes an invocation's output."""


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


def main() -> None:
    """Run the handler named by the environment until the parent closes the pipe."""
    life = int(os.environ.pop("RIS_LIFE_FD"))
    os.set_inheritable(life, False)
    _die_with_the_parent(life)
    descriptor = int(sys.argv[1])
    os.set_inheritable(descriptor, False)
    bootstrap.run(os.environ["_HANDLER"], PipeRuntimeClient(Connection(descriptor)))


if __name__ == "__main__":
    main()
