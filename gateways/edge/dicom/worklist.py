"""The list of scheduled steps in memory: what a query walks.

Two things say where a step stands: the feed (the cloud's word, with a version), and what a modality told this gateway by MPPS and
the cloud has not confirmed yet. The second matters while the cloud is away: a finished exam leaves the list at once, and one
discontinued as *wrong worklist entry* comes back. A newer *scheduled* version of the feed ends it.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gateways.edge.dicom.items import Item
from gateways.edge.dicom.keys import Path
from gateways.edge.dicom.matching import INDEXED, Query

LocalState = Literal["in_progress", "completed", "discontinued", "back"]
_GONE: frozenset[str] = frozenset({"completed", "discontinued"})


@dataclass(frozen=True)
class Local:
    """What MPPS said of a step, and the version of the feed it was said of."""

    state: LocalState
    version: int


@dataclass(frozen=True)
class StepReference:
    """One item of (0040,0270) Scheduled Step Attributes Sequence: how an MPPS names a step."""

    sps_id: str = ""
    accession: str = ""
    study_uid: str = ""


ItemId = tuple[str, str]


class Worklist:
    """Scheduled steps; safe to use from several threads.

    A query that names a station, a day, a patient or an accession number walks only the steps that have it: its cost does not grow
    with the others.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: dict[ItemId, Item] = {}
        self._index: dict[tuple[Path, str], dict[ItemId, Item]] = defaultdict(dict)
        self._local: dict[str, Local] = {}

    def put(self, item: Item) -> None:
        """Add or replace a step."""
        with self._lock:
            self._drop((item.called, item.sps_id))
            self._items[item.called, item.sps_id] = item
            for entry in _entries(item):
                self._index[entry][item.called, item.sps_id] = item
            local = self._local.get(item.sps_id)
            if local is not None and item.version > local.version and item.state == "scheduled":
                del self._local[item.sps_id]

    def remove(self, sps_id: str, called: str = "") -> None:
        """Take a step away."""
        with self._lock:
            self._drop((called, sps_id))

    def _drop(self, item_id: ItemId) -> None:
        item = self._items.pop(item_id, None)
        for entry in _entries(item) if item is not None else ():
            self._index[entry].pop(item_id, None)
            if not self._index[entry]:
                del self._index[entry]

    def set_local(self, sps_id: str, local: Local) -> None:
        """Note what MPPS said of a step."""
        with self._lock:
            self._local[sps_id] = local

    def find(self, query: Query, *, called: str, now: datetime) -> list[Item]:
        """Return the steps that answer a query, by start and step id."""
        with self._lock:
            items = self._candidates(query)
            gone = {sps_id for sps_id, local in self._local.items() if local.state in _GONE}
        found = [item for item in items if item.sps_id not in gone and _shown(item, called, now) and query.matches(item)]
        return sorted(found, key=lambda item: item.order)

    def _candidates(self, query: Query) -> list[Item]:
        """Return the fewest steps that the index can name, all of them when it cannot."""
        choices = [[self._index.get((path, value), {}) for value in named] for path, named in query.exact]
        fewest = min(choices, key=lambda groups: sum(map(len, groups)), default=None)
        if fewest is None:
            return list(self._items.values())
        return list({item_id: item for group in fewest for item_id, item in group.items()}.values())

    def referenced(self, references: Iterable[StepReference]) -> list[Item]:
        """Return the steps an MPPS names: by step id, else by accession number, else by Study Instance UID."""
        with self._lock:
            items = list(self._items.values())
        found: dict[tuple[str, str], Item] = {}
        for reference in references:
            for item in _named(items, reference):
                found[item.called, item.sps_id] = item
        return list(found.values())

    def expired(self, now: datetime) -> list[str]:
        """Return the ids of steps that are no longer answered."""
        with self._lock:
            return [item.sps_id for item in self._items.values() if item.expires_at is not None and item.expires_at <= now]

    def __len__(self) -> int:
        with self._lock:
            return len(self._items)


def _entries(item: Item) -> list[tuple[Path, str]]:
    return [(path, value) for path in INDEXED for value in item.values.get(path, ())]


def _shown(item: Item, called: str, now: datetime) -> bool:
    return item.called in ("", called) and (item.expires_at is None or item.expires_at > now)


def _named(items: list[Item], reference: StepReference) -> list[Item]:
    for name in ("sps_id", "accession", "study_uid"):
        wanted: str = getattr(reference, name)
        found = [item for item in items if wanted and getattr(item, name) == wanted]
        if found:
            return found
    return []
