"""The store: nothing is said to be done before it is durable, and one failing work takes no other with it."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from gateways.edge.store import Store, StoreUnavailable

SCHEMA = "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL UNIQUE);"


def insert(body: bytes):
    return lambda connection: connection.execute("INSERT INTO t (body) VALUES (?)", (body,)).lastrowid


def count(store: Store) -> int:
    return store.read(lambda c: c.execute("SELECT count(*) FROM t").fetchone()[0])


@pytest.fixture
def store(tmp_path: Path):
    opened = Store(tmp_path / "s" / "t.sqlite3", schema=SCHEMA)
    yield opened
    opened.close()


def test_every_commit_is_synced(store: Store) -> None:
    journal = store.do(lambda c: c.execute("PRAGMA journal_mode").fetchone()[0])
    full = 2

    assert "wal" == journal
    assert full == store.do(lambda c: c.execute("PRAGMA synchronous").fetchone()[0])


def test_work_handed_in_together_is_committed_together(store: Store) -> None:
    hold, entered = threading.Event(), threading.Event()
    store.submit(lambda c: (entered.set(), hold.wait(10)))
    entered.wait(10)
    statements: list[str] = []
    store._writer.set_trace_callback(statements.append)
    futures = [store.submit(insert(bytes([n]))) for n in range(50)]
    hold.set()

    assert 50 == len({future.result(10) for future in futures})
    assert 2 >= sum(statement == "COMMIT" for statement in statements)


def test_a_work_that_refuses_undoes_only_itself(store: Store) -> None:
    def refuse(connection: sqlite3.Connection) -> None:
        insert(b"undone")(connection)
        raise KeyError("mine")

    futures = [store.submit(insert(b"before")), store.submit(refuse), store.submit(insert(b"after"))]

    assert isinstance(futures[1].exception(10), KeyError)
    assert [1, 2] == sorted(future.result(10) for future in (futures[0], futures[2]))
    assert 2 == count(store)


def test_a_statement_that_fails_takes_no_neighbour_with_it(store: Store) -> None:
    store.do(insert(b"same"))

    futures = [store.submit(insert(b"a")), store.submit(insert(b"same")), store.submit(insert(b"b"))]

    assert isinstance(futures[1].exception(10), StoreUnavailable)
    assert futures[0].result(10)
    assert futures[2].result(10)
    assert 3 == count(store)


def test_what_is_told_after_is_told_in_the_order_of_the_rows(store: Store) -> None:
    told: list[int] = []
    futures = [store.submit(insert(str(n).encode()), told.append) for n in range(300)]

    assert [future.result(10) for future in futures] == told
    assert sorted(told) == told


def test_a_full_disk_refuses_and_recovers_when_there_is_room(tmp_path: Path) -> None:
    store = Store(tmp_path / "t.sqlite3", schema=SCHEMA, limit_bytes=200_000)
    try:
        with pytest.raises(StoreUnavailable):
            store.do(insert(b"x" * 400_000))
        assert not store.healthy

        assert store.do(insert(b"small"))
        assert store.healthy
        assert 1 == count(store)
    finally:
        store.close()


def test_closing_finishes_what_was_handed_in(tmp_path: Path) -> None:
    store = Store(tmp_path / "t.sqlite3", schema=SCHEMA)
    futures = [store.submit(insert(bytes([n]))) for n in range(100)]
    store.close()

    assert all(future.done() for future in futures)
    with pytest.raises(StoreUnavailable):
        store.do(insert(b"late"))
    again = Store(tmp_path / "t.sqlite3", schema=SCHEMA)
    assert 100 == count(again)
    again.close()


def test_only_the_owner_reads_the_file(store: Store) -> None:
    assert 0o600 == store.path.stat().st_mode & 0o777
    assert 0o700 == store.path.parent.stat().st_mode & 0o777


def test_a_caller_that_goes_away_or_fails_does_not_end_the_store(store: Store) -> None:
    def fail(_: object) -> None:
        raise KeyError("mine")

    future = store.submit(insert(b"left alone"))
    assert not future.cancel()
    told = store.submit(insert(b"badly told"), fail)

    assert isinstance(told.exception(10), StoreUnavailable)
    assert store.do(insert(b"next"))
    assert 3 == count(store)
