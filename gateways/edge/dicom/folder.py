"""Stand-alone: a folder of worklist files (`.wl`, DICOM Part 10), loaded before the port opens and watched for changes.

Files lie in the folder itself (every called AE title sees them) or in a subfolder named as the called AE title, as the worklist
servers of dcmtk and Orthanc have them. A file that cannot be read is named in health and hides no other; one that is still being
written reads as cut and is tried again when it changes.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from pydicom import dcmread

from gateways.edge.dicom import datasets
from gateways.edge.dicom.items import BadItem, Item, read_items
from gateways.edge.dicom.worklist import Worklist
from gateways.edge.log import Log, emit

Stamp = tuple[int, int]
WATCH_S = 1.0
_MANY = 100


class WorklistFolder:
    """Keeps a list in step with a folder."""

    def __init__(self, folder: Path, worklist: Worklist) -> None:
        self._folder, self._worklist = folder, worklist
        self._stamps: dict[Path, Stamp] = {}
        self._items: dict[Path, list[Item]] = {}
        self.unreadable: set[str] = set()

    def scan(self) -> int:
        """Read what is new or changed, forget what is gone, and return how many steps there are."""
        stamps = {path: stamp for path in self._files() if (stamp := _stamp(path)) is not None}
        for path in self._stamps.keys() - stamps.keys():
            self._forget(path)
        for path, stamp in sorted(stamps.items()):
            if self._stamps.get(path) != stamp:
                self._forget(path)
                self._read(path)
        self._stamps = stamps
        return len(self._worklist)

    async def watch(self) -> None:
        """Scan for ever."""
        while True:
            await asyncio.sleep(WATCH_S)
            try:
                await asyncio.to_thread(self.scan)
            except OSError as error:
                emit(Log.FILE_UNREADABLE, error=type(error).__name__)

    def _files(self) -> list[Path]:
        return [path for pattern in ("*.wl", "*/*.wl") for path in self._folder.glob(pattern) if not path.name.startswith(".")]

    def _called(self, path: Path) -> str:
        return "" if path.parent == self._folder else path.parent.name

    def _read(self, path: Path) -> None:
        name = str(path.relative_to(self._folder))
        try:
            with datasets.strictly():
                dataset = dcmread(path)
                datasets.refuse_rest(dataset, path.stat().st_size)
                datasets.touch(dataset)
                self._items[path] = read_items(dataset, called=self._called(path))
        except Exception as error:  # whatever a file holds, it must not hide the others
            reason = str(error) if isinstance(error, BadItem) else type(error).__name__
            if len(self.unreadable) < _MANY:
                self.unreadable.add(name)
            emit(Log.FILE_UNREADABLE, file=name, reason=reason)
            return
        for item in self._items[path]:
            self._worklist.put(item)

    def _forget(self, path: Path) -> None:
        self.unreadable.discard(str(path.relative_to(self._folder)))
        for item in self._items.pop(path, []):
            self._worklist.remove(item.sps_id, item.called)


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
