"""The evidence folder of a run: emptied when it is an earlier run's, refused when it is somebody's, locked while in use."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from pathlib import Path
from typing import IO

MARK = ".ris-demo"
WORK = ".work"


class EvidenceFolder:
    """OUT.

    Args:
        folder: Made when absent. Its hidden `.work` holds settings, logs, spools and keys of the run; a run that went well
            removes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.work = self.folder / WORK
        self._lock = self._claim()
        for entry in self.folder.iterdir():
            if entry.name != MARK:
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        self.work.mkdir(mode=0o700)

    def _claim(self) -> IO[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        mark = self.folder / MARK
        if not mark.exists() and any(self.folder.iterdir()):
            sys.exit(f"OUT={self.folder} holds files that no demo wrote; name another folder")
        lock = open(mark, "ab")  # noqa: SIM115 (held until the process ends)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"OUT={self.folder} is in use by another run; name another folder")
        os.set_inheritable(lock.fileno(), False)
        return lock

    def tidy(self, *, keep_logs: bool) -> None:
        """Remove the run's keys, and everything else of `.work` unless somebody has to read its logs."""
        if not keep_logs:
            shutil.rmtree(self.work, ignore_errors=True)
            return
        for key in self.work.rglob("*.key"):
            key.unlink()
        for credentials in self.work.glob("credentials-*"):
            shutil.rmtree(credentials)

    def files(self) -> dict[str, int]:
        """Return the number of evidence files by folder."""
        folders = sorted(entry for entry in self.folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        return {folder.name: sum(not file.name.startswith(".") for file in folder.iterdir()) for folder in folders}
