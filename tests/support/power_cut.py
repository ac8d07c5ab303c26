"""A disk that loses what was not synced: a VFS under SQLite, and a store that runs over it.

SQLite writes through to real files, so the storage engine sees its own writes; beside each file stands what the platter would hold.
A sync brings the platter up to date. A cut ends the machine at the n-th write or sync, and `remains` gives each file as it may be
found afterwards: the platter, with each 512-byte sector of each unsynced write kept or dropped by the seed, in any order of sectors.

Source: SQLite, "Atomic Commit", §3 (what hardware may do at a loss of power).
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512


class PowerLost(Exception):
    """The machine is off; nothing is written any more."""


class Platter:
    """What one file would hold after a loss of power.

    Args:
        content: Synced bytes; `pending` are (offset, bytes) written since, or (length, None) for a truncation.
    """

    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)
        self.pending: list[tuple[int, bytes | None]] = []

    def sync(self) -> None:
        """Bring every pending write to the platter."""
        for offset, data in self.pending:
            _apply(self.content, offset, data)
        self.pending.clear()

    def remains(self, chance: random.Random) -> bytes:
        """Return the file with some of what was pending, torn at sectors."""
        content = bytearray(self.content)
        for offset, data in self.pending:
            if data is None:
                if chance.random() < 0.5:
                    _apply(content, offset, None)
                continue
            for start in range(0, len(data), SECTOR):
                if chance.random() < 0.5:
                    _apply(content, offset + start, data[start : start + SECTOR])
        return bytes(content)


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class Disk(apsw.VFS):
    """A VFS over the system's own, whose power goes at the `cut_at`-th write or sync.

    Args:
        chance: Decides what of the unsynced writes survives.
    """

    def __init__(self, name: str, *, chance: random.Random, cut_at: int) -> None:
        super().__init__(name, base="")
        self.vfs_name = name
        self.platters: dict[str, Platter] = {}
        self.operations = 0
        self.order: list[str] = []
        self.lying = False
        self._chance, self._cut_at = chance, cut_at

    @property
    def dead(self) -> bool:
        """Whether the power is gone."""
        return self.operations >= self._cut_at

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return DiskFile(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.step("delete")
        self.platters.pop(Path(filename).name, None)
        super().xDelete(filename, syncdir)

    def step(self, what: str) -> None:
        """Count one write or sync.

        Raises:
            PowerLost: The power is gone, with this very operation.
        """
        if self.dead:
            raise PowerLost
        self.operations += 1
        self.order.append(what)
        if self.dead:
            raise PowerLost

    def remains(self) -> dict[str, bytes]:
        """Return the files as they may be found: name and content; the shared memory of the WAL is never on the disk."""
        return {name: platter.remains(self._chance) for name, platter in self.platters.items() if not name.endswith("-shm")}


class DiskFile(apsw.VFSFile):
    """A file of a `Disk`."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else name or "temporary")
        self._platter = disk.platters.setdefault(path.name, Platter(path.read_bytes() if path.exists() else b""))

    def xWrite(self, data: bytes, offset: int) -> None:
        self._platter.pending.append((offset, bytes(data)))
        self._disk.step("write")
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:
        self._platter.pending.append((size, None))
        self._disk.step("truncate")
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:
        self._disk.step("sync")
        if not self._disk.lying:
            self._platter.sync()


class _Cursor:
    """What `sqlite3` gives back for a statement."""

    def __init__(self, rows: list[tuple[Any, ...]], rowcount: int, lastrowid: int) -> None:
        self._rows, self.rowcount, self.lastrowid = rows, rowcount, lastrowid

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows.pop(0) if self._rows else None

    def fetchall(self) -> list[tuple[Any, ...]]:
        rows, self._rows = self._rows, []
        return rows


class Connection:
    """An apsw connection with as much of `sqlite3.Connection` as the gateway's store uses."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._connection = self._guard(lambda: apsw.Connection(str(path), vfs=disk.vfs_name))

    @property
    def in_transaction(self) -> bool:
        return bool(self._connection.in_transaction)

    def execute(self, statement: str, values: Sequence[Any] = ()) -> _Cursor:
        def run() -> _Cursor:
            rows = self._connection.execute(statement, tuple(values)).fetchall()
            return _Cursor(rows, self._connection.changes(), self._connection.last_insert_rowid())

        return self._guard(run)

    def executemany(self, statement: str, values: Sequence[Sequence[Any]]) -> None:
        for each in values:
            self.execute(statement, each)

    def executescript(self, script: str) -> None:
        self.execute(script)

    def create_function(self, name: str, arguments: int, function: Callable[..., Any]) -> None:
        self._connection.create_scalar_function(name, function, arguments)

    def close(self) -> None:
        self._guard(self._connection.close)

    def _guard(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except (apsw.Error, PowerLost) as error:
            raise sqlite3.OperationalError(type(error).__name__) from error


def power_disk(seed: int, cut_at: int) -> Disk:
    """Return a disk whose cut and whose torn sectors the seed decides."""
    return Disk(f"power-{seed}-{cut_at}", chance=random.Random(seed), cut_at=cut_at)
