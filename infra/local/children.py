"""The one place where local processes are started and ended.

Every child inherits the read end of a *life pipe* whose write end only its parent holds. However the parent ends, kill -9
included, the kernel closes that write end; a thread of the child sees end-of-file and ends its process at once. A child's own
children follow its own pipe, so a whole tree falls within milliseconds. The top process, which has no pipe, watches its parent.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

LIFE_FD = "RIS_LIFE_FD"
"""Environment variable that carries the descriptor of the life pipe's read end."""


class Child:
    """One started process, leader of its own process group."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]") -> None:
        self.name = name
        self.process = process

    @property
    def pid(self) -> int:
        """Return the process id, which is the group's id too."""
        return self.process.pid

    def alive(self) -> bool:
        """Tell whether the process still runs."""
        return self.process.poll() is None

    def kill(self) -> None:
        """Kill the whole process group without notice and reap the child."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, timeout_s: float = 3.0) -> None:
        """Ask the child to end, then kill what remains of its group.

        Args:
            timeout_s: How long the child may take after SIGTERM, in seconds.
        """
        if self.alive():
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout_s)
        self.kill()


class Children:
    """Starts children and ends all of them, the last started first; a context manager."""

    def __init__(self) -> None:
        self._read_end, self._write_end = os.pipe()  # neither is inherited unless passed on purpose
        self._children: list[Child] = []

    def spawn(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        cwd: Path | None = None,
        output: Path | int | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Child:
        """Start a process that cannot outlive this one, provided its main calls `follow_life_pipe`.

        Args:
            name: Name in messages.
            argv: Program and arguments.
            env: The child's whole environment; this process's own when None.
            cwd: Working folder; this process's own when None.
            output: File or descriptor that gets stdout and stderr; inherited when None.
            pass_fds: Further descriptors the child inherits.
        """
        environment = {**(os.environ if env is None else env), LIFE_FD: str(self._read_end)}
        with open(output, "ab") if isinstance(output, Path) else contextlib.nullcontext(output) as sink:
            process = subprocess.Popen(
                list(argv),
                env=environment,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                pass_fds=(self._read_end, *pass_fds),
                start_new_session=True,  # Ctrl-C reaches the top process alone, which ends the others in order
            )
        child = Child(name, process)
        self._children.append(child)
        return child

    def adopt(self, child: Child) -> None:
        """Take in a child that another of ours started on our behalf."""
        self._children.append(child)

    def dead(self) -> list[Child]:
        """Return the children that have ended, for a supervisor to name."""
        return [child for child in self._children if not child.alive()]

    def named(self, name: str) -> list[Child]:
        """Return the children started under a name."""
        return [child for child in list(self._children) if child.name == name]

    def forget(self, child: Child) -> None:
        """Drop a child that was ended on purpose."""
        if child in self._children:
            self._children.remove(child)

    def stop(self, timeout_s: float = 3.0) -> None:
        """End every child, the last started first."""
        while self._children:
            self._children.pop().stop(timeout_s)

    def __enter__(self) -> "Children":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def follow_life_pipe() -> None:
    """End this process as soon as its parent is gone; the first call of every child's main."""
    text = os.environ.pop(LIFE_FD, None)
    if text is None:
        return
    descriptor = int(text)
    os.set_inheritable(descriptor, False)
    threading.Thread(target=_exit_at_end_of_file, args=(descriptor,), name="life-pipe", daemon=True).start()


def _exit_at_end_of_file(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os._exit(1)


def exit_when_orphaned(interval_s: float = 0.5) -> None:
    """End the top process when the one that started it (make, a shell, a test run) is gone.

    Args:
        interval_s: Time between two looks at the parent's id, in seconds.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(interval_s)
        os._exit(1)

    threading.Thread(target=watch, name="orphan-watch", daemon=True).start()
