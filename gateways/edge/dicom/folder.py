"""Stand-alone: a folder of worklist files (`.wl`, DICOM Part 10), loaded before the port opens and watched for changes.

Files lie in the folder itself (every called AE title sees them) or in a subfolder named as the called AE title, as the worklist
servers of dcmtk and Orthanc have them. A file that cannot be read is named in health and hides no other; one that is still being
written reads as cut and is tried again when it changes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydicom import dcmread

from gateways.edge.dicom import datasets
from gateways.edge.dicom.items import BadItem, Item, read_items
from gateways.edge.dicom.worklist import Worklist
from gateways.edge.log import Log, emit

Stamp = tuple[int, int]
WATCH_S, SELDOM_S, SHARE = 1.0, 10.0, 20
_MANY = 100


class WorklistFolder:
    """Keeps a list in step with a folder. Files are named by their path inside it.

    Raises:
        OSError: By `scan`; the folder cannot be listed, and nothing has changed.
    """

    def __init__(self, folder: Path, worklist: Worklist) -> None:
        self._folder, self._worklist = folder, worklist
        self._stamps: dict[str, Stamp] = {}
        self._items: dict[str, list[Item]] = {}
        self.unreadable: set[str] = set()

    def scan(self) -> int:
        """Read what is new or changed, forget what is gone, and return how many steps there are."""
        stamps = dict(_stamps(self._folder))
        for name in self._stamps.keys() - stamps.keys():
            self._forget(name)
        for name in sorted(name for name, stamp in stamps.items() if self._stamps.get(name) != stamp):
            self._forget(name)
            self._read(name)
        self._stamps = stamps
        return len(self._worklist)

    async def watch(self) -> None:
        """Scan for ever; the larger the folder the seldomer, so that the stations' questions hardly feel it."""
        rest, now = WATCH_S, asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(rest)
            begun = now()
            try:
                await asyncio.to_thread(self.scan)
            except OSError as error:
                emit(Log.FILE_UNREADABLE, error=type(error).__name__)
            rest = min(max(WATCH_S, SHARE * (now() - begun)), SELDOM_S)

    def _read(self, name: str) -> None:
        path = self._folder / name
        try:
            with datasets.strictly():
                dataset = dcmread(path)
                datasets.refuse_rest(dataset, path.stat().st_size)
                datasets.touch(dataset)
                self._items[name] = read_items(dataset, called=os.path.dirname(name))
        except Exception as error:  # whatever a file holds, it must not hide the others
            reason = str(error) if isinstance(error, BadItem) else type(error).__name__
            if len(self.unreadable) < _MANY:
                self.unreadable.add(name)
            emit(Log.FILE_UNREADABLE, file=name, reason=reason)
            return
        for item in self._items[name]:
            self._worklist.put(item)

    def _forget(self, name: str) -> None:
        self.unreadable.discard(name)
        for item in self._items.pop(name, []):
            self._worklist.remove(item.sps_id, item.called)


def _stamps(folder: Path) -> Iterator[tuple[str, Stamp]]:
    """Yield when each worklist file was written, and its size; those of the subfolders that can be listed too."""
    with os.scandir(folder) as entries:
        inside = list(entries)
    for entry in inside:
        if entry.is_dir():
            with contextlib.suppress(OSError), os.scandir(entry.path) as entries:
                yield from _files(entries, entry.name)
    yield from _files(inside, "")


def _files(entries: Iterable[os.DirEntry[str]], parent: str) -> Iterator[tuple[str, Stamp]]:
    for entry in entries:
        if entry.name.endswith(".wl") and not entry.name.startswith("."):
            with contextlib.suppress(OSError):  # gone meanwhile
                status = entry.stat()
                yield os.path.join(parent, entry.name), (status.st_mtime_ns, status.st_size)
