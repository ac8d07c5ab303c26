"""A container engine for tests: the executable `docker` on the path, and images that are trees from which the gateway really runs.

The executable hands its words to the test's own thread, which holds the processes, so that none outlives the test.
"""

from __future__ import annotations

import json
import shutil
import signal
import socketserver
import sys
import threading
from pathlib import Path

from tests.support.gateway import ROOT, GatewayProcess

_DOCKER = """#!{python} -S
import json, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect({door!r})
line.sendall(json.dumps(sys.argv[1:]).encode() + b"\\n")
code, said = json.loads(line.makefile().readline())
print(said, file=sys.stderr)
sys.exit(code)
"""


def image_tree(folder: Path, changes: dict[str, tuple[str, str]]) -> Path:
    """Make an image's tree: the gateway of this repository, some of its lines changed.

    Args:
        changes: By file below `gateways/edge`, a text of it and what stands there instead.
    """
    shutil.copytree(ROOT / "gateways", folder / "gateways", ignore=shutil.ignore_patterns("__pycache__"))
    for name, (text, instead) in changes.items():
        file = folder / "gateways/edge" / name
        source = file.read_text("utf-8")
        assert text in source
        file.write_text(source.replace(text, instead), "utf-8")
    return folder


class ScriptedDocker:
    """Answers `docker pull` and `docker compose up` for one machine.

    Args:
        folder: Of this engine: its executable, its socket, the gateway's status file and log.
        registry: Images that can be pulled, by digest, as trees.
        config: Settings file of the gateway, and `.env` beside it.
    """

    def __init__(self, folder: Path, registry: dict[str, Path], config: Path) -> None:
        self._folder, self._registry, self._config = folder, registry, config
        self._pulled: set[str] = set()
        self.words: list[list[str]] = []
        self.running: str = ""
        self.container: GatewayProcess | None = None
        self._power = 0
        self._one_by_one = threading.Lock()
        self.before_up = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def __enter__(self) -> ScriptedDocker:
        folder = self._folder / "bin"
        folder.mkdir(parents=True)
        door = str(self._folder / "docker.sock")
        executable = folder / "docker"
        executable.write_text(_DOCKER.format(python=sys.executable, door=door))
        executable.chmod(0o755)
        engine = self

        class Call(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                answer = engine.answer(json.loads(self.rfile.readline()))
                try:
                    self.wfile.write(json.dumps(answer).encode() + b"\n")
                except BrokenPipeError:  # who asked was killed
                    return

        self._server = socketserver.ThreadingUnixStreamServer(door, Call)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self.power_cut()

    @property
    def path(self) -> str:
        """The folder of the executable."""
        return str(self._folder / "bin")

    def power_cut(self) -> None:
        """End the container, and every command under way, as a loss of power does."""
        with self._one_by_one:
            self._power += 1
            self._end()

    def _end(self) -> None:
        if self.container is not None:
            self.container.end(signal.SIGKILL)
        self.container, self.running = None, ""

    def answer(self, words: list[str]) -> tuple[int, str]:
        """Do one command and return its exit code and last line."""
        self.words.append(words)
        if words[0] == "pull":
            if words[-1] not in self._registry:
                return 1, "manifest unknown"
            self._pulled.add(words[-1])
            return 0, ""
        assert words[:4] == ["compose", "--project-directory", str(self._config.parent), "up"], words
        power = self._power
        self.before_up.set()
        assert self.go_on.wait(60)
        with self._one_by_one:
            return self._up() if power == self._power else (1, "the power is gone")

    def _up(self) -> tuple[int, str]:
        image = self._config.with_name(".env").read_text().removeprefix("IMAGE=").strip()
        if image not in self._pulled:
            return 1, "no such image"
        if image == self.running and self.container is not None and self.container.process.poll() is None:
            return 0, ""
        self._end()
        self.container = GatewayProcess(self._folder, "--config", str(self._config), tree=self._registry[image])
        self.running = image
        try:
            self.container.__enter__()
        except AssertionError:
            return 1, "container gateway-1 exited (1)"
        return 0, ""
