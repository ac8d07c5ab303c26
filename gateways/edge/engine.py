"""What an update asks of the machine's container engine: fetch an image, run the site's compose file with one.

The image that runs is a line of `.env` beside `compose.yaml`, a digest; the engine reads it there at each start.

Source: Docker, `docker pull NAME@DIGEST`; `docker compose up --wait` (ends once the health check passes, or fails when it does not).
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Protocol

from gateways.edge.durable import write_durably

FETCH_S = 1800.0
_DIGEST = re.compile(r"[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}")
_LINE = re.compile(r"^IMAGE=(.*)$", re.MULTILINE)


class EngineFailed(Exception):
    """The engine did not do what it was asked; the text is its own last line."""


class Engine(Protocol):
    """Runs the gateway of this machine."""

    def image(self) -> str:
        """Return the digest that is to run.

        Raises:
            EngineFailed: This machine names none.
        """

    def fetch(self, image: str) -> None:
        """Have an image on this machine.

        Raises:
            EngineFailed: It cannot be had.
        """

    def set_image(self, image: str) -> None:
        """Name the digest that is to run from the next start on; it is on the disk when this returns."""

    def start(self, within_s: float) -> None:
        """Run the image that is named, in the place of what runs, and wait until it is healthy.

        Raises:
            EngineFailed: It is not, or not in time.
        """


NO_DIGEST = "il faut une empreinte (nom@sha256:…), une étiquette peut changer"


def is_digest(image: str) -> bool:
    """Tell whether an image is named by its digest: a tag can change."""
    return _DIGEST.fullmatch(image) is not None


class Compose:
    """Docker's.

    Args:
        folder: Holds `compose.yaml` and `.env`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def image(self) -> str:
        """See `Engine.image`."""
        try:
            found = _LINE.search(self._environment.read_text("utf-8"))
        except OSError as error:
            raise EngineFailed(f"{self._environment}: {type(error).__name__}") from error
        if found is None or not is_digest(found[1]):
            raise EngineFailed(f"{self._environment}: IMAGE is not a digest")
        return found[1]

    def fetch(self, image: str) -> None:
        """See `Engine.fetch`."""
        self._docker("pull", "--quiet", image, within_s=FETCH_S)

    def set_image(self, image: str) -> None:
        """See `Engine.set_image`."""
        text = self._environment.read_text("utf-8")
        write_durably(self._environment, _LINE.sub(lambda _: f"IMAGE={image}", text).encode())

    def start(self, within_s: float) -> None:
        """See `Engine.start`."""
        wait = ("up", "--detach", "--wait", "--wait-timeout", str(max(1, int(within_s))))
        self._docker("compose", "--project-directory", str(self._folder), *wait, within_s=within_s + 60)

    @property
    def _environment(self) -> Path:
        return self._folder / ".env"

    def _docker(self, *words: str, within_s: float) -> None:
        command = ["docker", *words]
        try:
            done = subprocess.run(  # noqa: S603 - a fixed command, and a digest that is_digest has read
                command, capture_output=True, text=True, errors="replace", timeout=within_s, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EngineFailed(f"docker {words[0]}: {type(error).__name__}") from error
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            raise EngineFailed(f"docker {words[0]}: {said[-1].strip() if said else done.returncode}")
