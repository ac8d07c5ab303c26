"""The list of scheduled steps in memory: what a query walks.

Two things say where a step stands: the feed (the cloud's word, with a version), and what a modality told this gateway by MPPS and
the cloud has not confirmed yet. The second matters while the cloud is away: a finished exam leaves the list at once, and one
discontinued as *wrong worklist entry* comes back. A newer *scheduled* version of the feed ends it.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Literal

from gateways.edge.dicom import keys
from gateways.edge.dicom.items import Entry, Item
from gateways.edge.dicom.matching import Query

LocalState = Literal["in_progress", "completed", "discontinued", "back"]
_GONE: frozenset[str] = frozenset({"completed", "discontinued"})
BREATH = 256
FEW = 16


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
_ORDER = attrgetter("order")


class Worklist:
    """Scheduled steps; safe to use from several threads.

    Attributes:
        changes: Grows with whatever may change an answer, the clock left out.

    A query that names a station, a day, a modality, a patient or an accession number walks only the steps that have it: its cost does
    not grow with the others.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: dict[ItemId, Item] = {}
        self._sorted: list[Item] = []
        self._index: dict[Entry, dict[ItemId, Item]] = defaultdict(dict)
        self._local: dict[str, Local] = {}
        self.changes = 0

    def put(self, item: Item) -> None:
        """Add or replace a step."""
        item_id = (item.called, item.sps_id)
        with self._lock:
            self._drop(item_id)
            self._items[item_id] = item
            self.changes += 1
            insort(self._sorted, item, key=_ORDER)
            for entry in item.entries():
                self._index[entry][item_id] = item
            local = self._local.get(item.sps_id)
            if local is not None and item.version > local.version and item.state == "scheduled":
                del self._local[item.sps_id]

    def remove(self, sps_id: str, called: str = "") -> None:
        """Take a step away."""
        with self._lock:
            self._drop((called, sps_id))

    def _drop(self, item_id: ItemId) -> None:
        item = self._items.pop(item_id, None)
        if item is None:
            return
        self.changes += 1
        del self._sorted[bisect_left(self._sorted, item.order, key=_ORDER)]
        for entry in item.entries():
            self._index[entry].pop(item_id, None)
            if not self._index[entry]:
                del self._index[entry]

    def set_local(self, sps_id: str, local: Local) -> None:
        """Note what MPPS said of a step."""
        with self._lock:
            self._local[sps_id] = local
            self.changes += 1

    def walk(
        self, query: Query, *, called: str, now: datetime, overdue: Callable[[Item], bool] | None = None
    ) -> Iterator[Item | None]:
        """Yield the steps that answer a query, by start and step id, and None now and then while none is found.

        Args:
            overdue: Steps that it holds for are passed over.
        """
        for count, item in enumerate(self._candidates(query), 1):
            if self._is_shown(item, called, now) and query.matches(item) and not (overdue is not None and overdue(item)):
                yield item
            elif count % BREATH == 0:
                yield None

    def find(self, query: Query, *, called: str, now: datetime, overdue: Callable[[Item], bool] | None = None) -> list[Item]:
        """Return what `walk` finds."""
        return [item for item in self.walk(query, called=called, now=now, overdue=overdue) if item is not None]

    def _candidates(self, query: Query) -> list[Item]:
        """Return the fewest steps that an index can name, all of them when none can; sorted."""
        with self._lock:
            fewest, least = None, len(self._sorted) + 1
            for entries in query.lookups:
                groups = [group for entry in entries if (group := self._index.get(entry))]
                size = sum(map(len, groups))
                if size < least:
                    fewest, least = groups, size
                if least <= FEW:
                    break
            if fewest is None:
                return list(self._sorted)
            found = {item_id: item for group in fewest for item_id, item in group.items()}
        return sorted(found.values(), key=_ORDER)

    def _is_shown(self, item: Item, called: str, now: datetime) -> bool:
        if item.called not in ("", called) or (item.expires_at is not None and item.expires_at <= now):
            return False
        local = self._local.get(item.sps_id)
        return local is None or local.state not in _GONE

    def referenced(self, references: Iterable[StepReference]) -> list[Item]:
        """Return the steps an MPPS names: by step id, else by accession number, else by Study Instance UID."""
        found: dict[ItemId, Item] = {}
        with self._lock:
            for reference in references:
                found |= self._named(reference)
        return list(found.values())

    def _named(self, reference: StepReference) -> dict[ItemId, Item]:
        for path, wanted in (
            ((keys.STEP_SEQUENCE, keys.STEP_ID), reference.sps_id),
            ((keys.ACCESSION,), reference.accession),
            ((keys.STUDY_UID,), reference.study_uid),
        ):
            named = self._index.get(((path,), (wanted,)))
            if wanted and named:
                return named
        return {}

    def expired(self, now: datetime) -> list[str]:
        """Return the ids of steps that are no longer answered."""
        with self._lock:
            return [item.sps_id for item in self._items.values() if item.expires_at is not None and item.expires_at <= now]

    def __len__(self) -> int:
        with self._lock:
            return len(self._items)
