"""The evidence recorder: what crossed the wire, byte for byte, in numbered files.

A number belongs to one exchange (`007-out-ORM_O01.hl7`, `007-out-ORM_O01-ack.hl7`). All processes that write to one folder share
one counter, kept in a hidden file under an advisory lock, so numbers tell the order. A file appears under its name only once
it is whole: it is written beside and renamed.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from pathlib import Path
from typing import Any

COUNTER = ".counter"
NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}\Z")


class Recorder:
    """Writes the evidence of one folder.

    Args:
        folder: Made when absent. Several processes may write to it at once.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def number(self) -> int:
        """Take the next number of this folder; 1 is the first."""
        with open(self.folder / COUNTER, "a+b") as counter:
            fcntl.flock(counter, fcntl.LOCK_EX)
            counter.seek(0)
            number = int(counter.read() or b"0") + 1
            counter.truncate(0)
            counter.write(str(number).encode())
            counter.flush()
        return number

    def write(self, number: int, name: str, content: bytes) -> Path:
        """Write one file of an exchange.

        Args:
            number: From `number()`.
            name: What follows the number and a hyphen: letters, digits, `_`, `.` and `-`. One that begins with a dot is an extension,
                and follows the number at once.
            content: The bytes as they were on the wire.

        Returns:
            The file written.

        Raises:
            ValueError: The name could leave the folder or hides what it is.
        """
        if not NAME.fullmatch(name):
            raise ValueError("an evidence name holds only letters, digits, '_', '.' and '-'")
        target = self.folder / f"{number:03d}{'' if name.startswith('.') else '-'}{name}"
        beside = self.folder / f".{target.name}.{os.getpid()}"
        beside.write_bytes(content)
        beside.rename(target)
        return target

    def record(self, name: str, content: bytes) -> Path:
        """Write an exchange of one file under a number of its own."""
        return self.write(self.number(), name, content)

    def record_json(self, name: str, content: Any) -> Path:
        """Write an exchange that was read as parameters, as JSON."""
        return self.record(name, json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n")
