"""One SQLite file with one writer thread: work is handed over, done in groups, and only then said to be done.

Theory of operation. SQLite allows one writer; a thread owns that connection. Callers hand in functions of a connection. The thread
takes whatever has come while the last group was being synced, runs all of it in one transaction, commits (WAL,
`synchronous=FULL`: the commit is on the disk), and only then resolves the futures. So the cost of a sync is shared and a result is
never seen before it is durable. When a group fails, each of its works is tried alone: a frame too big for the disk's rest does not
take its neighbours with it.

    caller    submit(work) ------------------------------> future done
    thread         BEGIN  work work work  COMMIT(fsync) ---^
"""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from gateways.edge.log import Log, emit
from gateways.edge.sealing import NoSeal, Seal, register

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
GROUP = 512
# Measured with documents of 500 kB and messages of 1 kB: larger pages cost small messages, smaller ones large documents.
PAGE_BYTES = 8192
# The write-ahead log grows so far before it is copied into the file; that copy, with its two syncs, is what a large document costs.
LOG_BYTES = 32 * 1024 * 1024
# Kept back of a size limit: a full store must still be able to note what has left, or it would stay full.
SPARE_BYTES = 2 * 1024 * 1024


class StoreUnavailable(Exception):
    """Our disk or file is at fault; nothing of this work was kept. The peer may send the same again."""


class _Undone(Exception):
    """The group must be rolled back as a whole."""


Outcome = Any | Exception


class _Job(NamedTuple):
    """One work; `settle` is told its result or what it raised, in the writer's thread, and raises nothing.

    Args:
        spare: May use the pages kept back for what empties the store.
    """

    work: Work[Any]
    settle: Callable[[Outcome], None]
    guarded: bool = True
    spare: bool = False


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)


def _resolve(future: Future[Any], after: Callable[[Any], None] | None, outcome: Outcome) -> None:
    """Resolve one work's future; a listener that fails leaves the work done and is its caller's."""
    try:
        if after is not None and not isinstance(outcome, Exception):
            after(outcome)
    except Exception as error:
        outcome = StoreUnavailable(type(error).__name__)
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


class _Together:
    """The outcomes of works that are told together."""

    def __init__(self, count: int, settled: Callable[[list[Outcome]], None]) -> None:
        self._outcomes: list[Outcome] = [None] * count
        self._missing, self._settled = count, settled

    def place(self, number: int) -> Callable[[Outcome], None]:
        """Return what takes the outcome of the work at this place."""

        def put(outcome: Outcome) -> None:
            self._outcomes[number] = outcome
            self._missing -= 1
            if not self._missing:
                self._settled(self._outcomes)

        return put


class Store:
    """A durable store.

    Args:
        path: The SQLite file; its folder is made, readable by the owner only.
        schema: Statements that make what is missing.
        limit_bytes: Size at which writing fails as on a full disk; 0 for none.
        connect: Opens the file; another storage engine with the same interface may stand here.
        seal: Gives the statements `seal(…)` and `unseal(…)`.
    """

    def __init__(
        self,
        path: Path,
        *,
        schema: str,
        limit_bytes: int = 0,
        connect: Callable[[Path], sqlite3.Connection] = _connect,
        seal: Seal | None = None,
    ) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self._limit_bytes = limit_bytes
        self._connect, self._seal = connect, seal or NoSeal()
        self._jobs: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        self._closed = False
        self._reading = threading.Lock()
        self._writer = self._open()
        os.chmod(path, 0o600)
        self._writer.executescript(schema)
        self._reader = self._open()
        self._reader.execute("PRAGMA query_only=ON")
        self.healthy = True
        self._thread = threading.Thread(target=self._run, name=f"store-{path.stem}", daemon=True)
        self._thread.start()

    def submit(self, work: Work[T], after: Callable[[T], None] | None = None, *, spare: bool = False) -> Future[T]:
        """Hand in work; the future is resolved once it is durable.

        Args:
            work: Runs in the writer's thread inside a transaction, perhaps twice, so it has no other effect than its SQL. An
                exception of its own undoes only itself and is the future's.
            after: Told the result once it is durable, in the writer's thread and in the order of the commits.
            spare: The work makes room sooner or later: it may use the bytes kept back of a size limit.

        Returns:
            Its result, or `StoreUnavailable`.
        """
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # from here on nobody can take it back: the work may be done already
        if self._closed:
            future.set_exception(StoreUnavailable("closed"))
        else:
            self._jobs.put([_Job(work, lambda outcome: _resolve(future, after, outcome), spare=spare)])
        return future

    def submit_all(self, works: Sequence[Work[Any]], settled: Callable[[list[Outcome]], None]) -> None:
        """Hand in works that came together; they are told together, once each is durable or failed.

        Args:
            works: One SQL statement each, so that none needs a savepoint.
            settled: Given the result of each, or what it raised (`StoreUnavailable` when it was not kept), in their order. Called in
                the writer's thread and in the order of the commits, or at once when the store is closed; raises nothing.
        """
        if self._closed:
            settled([StoreUnavailable("closed")] * len(works))
            return
        if not works:  # nothing to write, yet to be told after what was handed in before
            self._jobs.put([_Job(lambda _: None, lambda _: settled([]), guarded=False)])
            return
        told = _Together(len(works), settled)
        self._jobs.put([_Job(work, told.place(number), guarded=False) for number, work in enumerate(works)])

    def do(self, work: Work[T], timeout_s: float = 30.0, *, spare: bool = False) -> T:
        """Hand in work and wait for it; see `submit`."""
        try:
            return self.submit(work, spare=spare).result(timeout_s)
        except TimeoutError as error:
            raise StoreUnavailable("too slow") from error

    def read(self, work: Work[T]) -> T:
        """Run a query on the reading connection; it sees what is committed.

        Raises:
            StoreUnavailable: The file cannot be read.
        """
        with self._reading:
            try:
                return work(self._reader)
            except sqlite3.Error as error:
                raise StoreUnavailable(type(error).__name__) from error

    def wipe_log(self) -> bool:
        """Copy the write-ahead log into the file and empty it, so that what was deleted is in neither; False when it was in use.

        Raises:
            StoreUnavailable: The disk is at fault.
        """
        try:
            with contextlib.closing(self._open()) as connection:
                busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            raise StoreUnavailable(type(error).__name__) from error
        return not busy

    def close(self) -> None:
        """Finish what was handed in, then close the file."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        self._thread.join()
        with self._reading:
            self._reader.close()
        with contextlib.suppress(sqlite3.Error):
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._writer.close()

    def _open(self) -> sqlite3.Connection:
        connection = self._connect(self.path)
        register(connection, self._seal)
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA secure_delete=ON")
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()  # a file that was begun with another keeps it
        connection.execute(f"PRAGMA wal_autocheckpoint={LOG_BYTES // page_bytes}")
        if self._limit_bytes:
            connection.execute(f"PRAGMA max_page_count={self._limit_bytes // page_bytes}")
        return connection

    def _run(self) -> None:
        while True:
            jobs = self._jobs.get()
            group = list(jobs or ())
            last = jobs is None
            while not last and len(group) < GROUP:
                try:
                    following = self._jobs.get_nowait()
                except queue.Empty:
                    break
                last = following is None
                group.extend(following or ())
            if group:
                self._guard(group)
            if last:
                return

    def _guard(self, group: list[_Job]) -> None:
        """Do a group; whatever goes wrong, its callers are told and the thread lives."""
        unsettled = deque(group)
        try:
            if not self._commit(group, unsettled, last_try=False):
                for job in list(unsettled):
                    with self._spare_pages() if job.spare else contextlib.nullcontext():
                        self._commit([job], unsettled)
        except Exception as error:
            self._undo(error)
            while unsettled:
                unsettled.popleft().settle(StoreUnavailable(type(error).__name__))

    def _commit(self, group: list[_Job], unsettled: deque[_Job], *, last_try: bool = True) -> bool:
        """Run one group in one transaction; settle its works, the first of `unsettled`, when that is certain.

        Returns:
            False when it was undone and its works should be tried one by one.
        """
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            outcomes = [self._run_guarded(job) if job.guarded else job.work(self._writer) for job in group]
            self._writer.execute("COMMIT")
        except (sqlite3.Error, _Undone) as error:
            self._undo(error)
            if last_try:
                unsettled.popleft().settle(StoreUnavailable(type(error).__name__))
            return False
        self.healthy = True
        for outcome in outcomes:
            unsettled.popleft().settle(outcome)
        return True

    @contextlib.contextmanager
    def _spare_pages(self) -> Iterator[None]:
        """Let the file grow past its limit for one work (the limit never falls below the file's size)."""
        if not self._limit_bytes:
            yield
            return
        (page_bytes,) = self._writer.execute("PRAGMA page_size").fetchone()
        self._writer.execute(f"PRAGMA max_page_count={(self._limit_bytes + SPARE_BYTES) // page_bytes}")
        try:
            yield
        finally:
            self._writer.execute(f"PRAGMA max_page_count={self._limit_bytes // page_bytes}")

    def _run_guarded(self, job: _Job) -> Outcome:
        self._writer.execute("SAVEPOINT one")
        outcome: Outcome
        try:
            outcome = job.work(self._writer)
        except sqlite3.Error as error:
            raise _Undone from error
        except Exception as error:  # the work's own refusal belongs to its caller
            self._writer.execute("ROLLBACK TO one")
            outcome = error
        self._writer.execute("RELEASE one")
        return outcome

    def _undo(self, error: BaseException) -> None:
        self.healthy = False
        emit(Log.SPOOL_FAILED, error=type(error.__cause__ or error).__name__)
        with contextlib.suppress(sqlite3.Error):
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
