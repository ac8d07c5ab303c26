"""Loss of power: what was answered AA is in the spool afterwards, whatever the disk had not yet written (reliability D2)."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

import gateways.edge.store
from gateways.edge.spool import SCHEMA, NewRow, Spool
from gateways.edge.store import Store, StoreUnavailable
from tests.support.power_cut import Connection, Disk, power_disk

NOW = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the dead disk's own errors, told twice
SOURCES = ("HIS|NORD", "LAB|NORD", "AGENDA|SUD")


@dataclass
class History:
    """What the machine had said before its power went."""

    acknowledged: dict[int, bytes] = field(default_factory=dict)
    forwarded: set[int] = field(default_factory=set)


def frames(chance: random.Random) -> Iterator[NewRow]:
    number = 0
    while True:
        number += 1
        body = f"MSH|^~\\&|{number}|".encode() + chance.randbytes(chance.choice((20, 600, 6000)))
        yield NewRow("message", chance.choice(SOURCES), NOW, {"default_charset": "UNICODE UTF-8"}, body)


def live_until_the_cut(folder: Path, disk: Disk, chance: random.Random) -> History:
    history = History()
    try:
        store = Store(folder / "spool.sqlite3", schema=SCHEMA, connect=lambda path: Connection(path, disk))
    except sqlite3.Error:
        return history
    try:
        take_frames(Spool(store), history, chance)
    except StoreUnavailable:
        pass
    finally:
        with_a_dead_disk_closing_fails(store)
    return history


def take_frames(spool: Spool, history: History, chance: random.Random) -> None:
    coming = frames(chance)
    while True:
        group: list[tuple[NewRow, Future[int]]] = []
        for _ in range(chance.randint(1, 4)):
            row = next(coming)
            group.append((row, spool.append(row)))
        for row, future in group:
            history.acknowledged[future.result(10)] = row.body
        if chance.random() < 0.3:
            heads = spool.first_of_each_source(("message", "acknowledgement"), 10)
            spool.mark_forwarded([spool.load(head) for head in heads], NOW).result(10)
            history.forwarded.update(heads)


def with_a_dead_disk_closing_fails(store: Store) -> None:
    with contextlib.suppress(sqlite3.Error):
        store.close()


def boot_again(folder: Path, disk: Disk) -> tuple[dict[int, bytes], set[int]]:
    folder.mkdir()
    for name, content in disk.remains().items():
        (folder / name).write_bytes(content)
    store = Store(folder / "spool.sqlite3", schema=SCHEMA)
    try:
        assert [("ok",)] == store.read(lambda c: c.execute("PRAGMA integrity_check").fetchall())
        rows = store.read(lambda c: c.execute("SELECT id, body, forwarded_at FROM inbound").fetchall())
    finally:
        store.close()
    return {row_id: body for row_id, body, _ in rows}, {row_id for row_id, _, forwarded in rows if forwarded}


def lost(folder: Path, seed: int, *, lying: bool = False) -> tuple[int, int]:
    """Return (frames acknowledged, frames of them lost or altered) of one life that ended in a cut."""
    chance = random.Random(seed)
    disk = power_disk(seed, cut_at=chance.randint(1, 220))
    disk.lying = lying
    (folder / "before").mkdir(parents=True)
    history = live_until_the_cut(folder / "before", disk, chance)
    disk.unregister()
    assert disk.dead
    found, forwarded = boot_again(folder / "after", disk)
    missing = [row_id for row_id, body in history.acknowledged.items() if found.get(row_id) != body]
    return len(history.acknowledged), len(missing) + len(history.forwarded - forwarded)


@pytest.mark.parametrize("seeds", [range(60), pytest.param(range(60, 5060), marks=pytest.mark.slow)])
def test_nothing_acknowledged_is_lost_over_power_cuts(tmp_path: Path, seeds: range, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        gateways.edge.store, "LOG_BYTES", 8 * gateways.edge.store.PAGE_BYTES
    )  # so that many a cut falls into a copy of the log
    acknowledged = gone = 0
    for seed in seeds:
        taken, missing = lost(tmp_path / str(seed), seed)
        acknowledged, gone = acknowledged + taken, gone + missing
    print(f"frames lost after simulated power cuts: {gone} of {acknowledged} acknowledged, N={len(seeds)} cuts, seeds {seeds}")

    assert acknowledged > len(seeds)
    assert 0 == gone


def test_a_disk_that_lies_about_its_syncs_is_found_out(tmp_path: Path) -> None:
    losses = 0
    for seed in range(40):
        try:
            losses += lost(tmp_path / str(seed), seed, lying=True)[1]
        except (sqlite3.DatabaseError, StoreUnavailable, AssertionError):
            losses += 1

    assert losses
