"""How a simulator runs as a process: its settings from a file, its ports told in another, its end with its parent."""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

from infra.local.children import follow_life_pipe


def settings(description: str) -> dict[str, Any]:
    """Follow the life pipe, then read the JSON file named by `--config`."""
    follow_life_pipe()
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", required=True, type=Path)
    return json.loads(parser.parse_args().config.read_text())


def tell(status_file: str, status: dict[str, Any]) -> None:
    """Write the status file at once and whole: whoever waits for it finds the ports open."""
    target = Path(status_file)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    beside.write_text(json.dumps({**status, "pid": os.getpid()}))
    beside.rename(target)


def serve_until_told() -> None:
    """Wait for SIGTERM or SIGINT; threads do the work."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
