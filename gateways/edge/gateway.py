"""One gateway, put together from its settings: the order in which it opens, and in which it closes.

Recovery comes first, the doors after it (spool, worklist copy, then DICOM and MLLP), the lines to the cloud last.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from gateways.edge import VERSION, sealing, spool
from gateways.edge.backoff import Backoff
from gateways.edge.cloud import AwsCloud, Cloud
from gateways.edge.config import DicomSettings, Settings
from gateways.edge.consumer import QueueConsumer
from gateways.edge.control import ControlDoor
from gateways.edge.dicom import feed, mpps
from gateways.edge.dicom.archive import ArchiveDesk
from gateways.edge.dicom.feed import WorklistCopy
from gateways.edge.dicom.folder import WorklistFolder
from gateways.edge.dicom.mpps import MppsDesk
from gateways.edge.dicom.server import DicomServer
from gateways.edge.dicom.stations import Stations
from gateways.edge.dicom.worklist import Worklist
from gateways.edge.forwarder import EnvelopeWriter, Forwarder
from gateways.edge.health import HealthDoor
from gateways.edge.hl7 import outbox
from gateways.edge.hl7.acknowledgement import control_ids
from gateways.edge.hl7.intake import Intake
from gateways.edge.hl7.listener import MllpListener
from gateways.edge.hl7.msh import Source
from gateways.edge.hl7.outbound import OutboundDesk
from gateways.edge.hl7.outbox import Outbox
from gateways.edge.hl7.sender import DestinationWorker
from gateways.edge.keyring import KeyUnavailable, spool_key
from gateways.edge.log import Log, emit
from gateways.edge.sealing import KeySeal, NoSeal, Seal
from gateways.edge.spool import Spool
from gateways.edge.status import StatusReporter
from gateways.edge.store import Store, StoreUnavailable

SCHEMA = sealing.SCHEMA + spool.SCHEMA + outbox.SCHEMA + feed.SCHEMA + mpps.SCHEMA
HOUSEKEEPING_S = 600.0
FIRST_BACKOFF_S = 0.5


class AlreadyRunning(Exception):
    """Another process holds this spool folder."""


def _now() -> datetime:
    return datetime.now(UTC)


def _waiting(rows: Spool, now: datetime) -> tuple[int, float]:
    """Return how many rows wait for the cloud, and the age of the oldest in seconds."""
    oldest = rows.oldest_waiting()
    return rows.waiting(), (now - oldest).total_seconds() if oldest else 0.0


class Gateway:
    """The parts of one gateway.

    Args:
        cloud: Where the queues are; by default AWS, as the environment says.
    """

    def __init__(self, settings: Settings, *, cloud: Cloud | None = None, clock: Callable[[], datetime] = _now) -> None:
        self._settings, self._clock = settings, clock
        self._cloud = cloud or AwsCloud()
        self._tasks: list[asyncio.Task[None]] = []
        self._lock: IO[str] | None = None
        self._started = clock()
        self.worklist = Worklist()
        dicom = settings.dicom or DicomSettings()
        self._stations = Stations(dicom.modalities, clock, expire_after_h=dicom.expire_after_h, zone=dicom.timezone)
        self._store: Store | None = None
        self._spool: Spool | None = None
        self._outbox: Outbox | None = None
        self._copy: WorklistCopy | None = None
        self._desk: MppsDesk | None = None
        self._archive: ArchiveDesk | None = None
        self._intake: Intake | None = None
        self._forwarders: list[Forwarder] = []
        self._workers: dict[str, DestinationWorker] = {}
        self._reporter: StatusReporter | None = None
        self._control: ControlDoor | None = None
        self._folder = WorklistFolder(settings.worklist_folder, self.worklist) if settings.worklist_folder else None
        self._dicom: DicomServer | None = None
        self._mllp: MllpListener | None = None
        self._health = HealthDoor(settings.health, self.figures)
        self._ready = False

    @property
    def ports(self) -> dict[str, int]:
        """The ports of the open doors: `mllp_port`, `dicom_port`, `health_port`."""
        ports = {"health_port": self._health.port}
        if self._mllp is not None:
            ports["mllp_port"] = self._mllp.port
            if self._mllp.tls_port is not None:
                ports["mllp_tls_port"] = self._mllp.tls_port
        if self._dicom is not None:
            ports["dicom_port"] = self._dicom.port
            if self._dicom.tls_port is not None:
                ports["dicom_tls_port"] = self._dicom.tls_port
        return ports

    async def start(self) -> None:
        """Recover, open the doors, begin to talk to the cloud, then say so in the status file.

        Raises:
            AlreadyRunning: Another process holds the spool.
            KeyUnavailable: The key that the spool is sealed with cannot be had.
        """
        if self._settings.spool is not None:
            await asyncio.to_thread(self._open_spool, self._settings.spool)
        if self._folder is not None:
            await asyncio.to_thread(self._folder.scan)
            self._run(self._folder.watch())
        await self._open_dicom()
        await self._open_mllp()
        self._open_lines()
        await self._health.start()
        if self._control is not None:
            await self._control.start()
        self._ready = True
        self._write_status()
        emit(Log.STARTED, version=VERSION, site=self._settings.site, gateway_id=self._settings.gateway_id, **self.ports)

    async def stop(self) -> None:
        """Close the doors, finish what was taken, close the files."""
        self._ready = False
        if self._mllp is not None:
            await self._mllp.stop()
        if self._dicom is not None:
            await self._dicom.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._health.stop()
        if self._control is not None:
            await self._control.stop()
        if self._store is not None:
            await asyncio.to_thread(self._store.close)
        if self._lock is not None:
            self._lock.close()
        emit(Log.STOPPED)

    def figures(self) -> dict[str, Any]:
        """Return what the health door shows: ages in seconds, counts, no patient value."""
        now = self._clock()
        figures: dict[str, Any] = {
            "site": self._settings.site,
            "gateway_id": self._settings.gateway_id,
            "version": VERSION,
            "live": True,
            "clock_skew_s": self._cloud.clock_skew_s,
            "ready": self._ready and (self._store is None or self._store.healthy),
            "up_s": (now - self._started).total_seconds(),
            "worklist": self._worklist_figures(now),
            "stations": {title: seen.isoformat() for title, seen in self._stations.last_seen().items()},
        }
        if self._intake is not None and self._mllp is not None:
            figures["hl7"] = {"connections": self._mllp.connections, "answers": dict(self._intake.counts)}
        with contextlib.suppress(StoreUnavailable):
            figures |= self._spool_figures(now)
        return figures

    def _worklist_figures(self, now: datetime) -> dict[str, Any]:
        return {
            "steps": len(self.worklist),
            "feed_age_s": self._feed_age_s(now),
            "unreadable_files": sorted(self._folder.unreadable) if self._folder else [],
            "unreadable_steps": sorted(self._copy.unreadable) if self._copy else [],
        }

    def _feed_age_s(self, now: datetime) -> float | None:
        last = self._copy.heard_at if self._copy is not None else None
        return (now - last).total_seconds() if last else None

    def _spool_figures(self, now: datetime) -> dict[str, Any]:
        if self._spool is None or self._outbox is None or self._store is None:
            return {}
        rows, oldest_s = _waiting(self._spool, now)
        waiting = self._outbox.waiting()
        return {
            "spool": {
                "healthy": self._store.healthy,
                "waiting": rows,
                "oldest_age_s": oldest_s,
            },
            "outbound": {
                name: {
                    "reachable": worker.reachable,
                    "waiting": waiting.get(name, (0, now))[0],
                    "oldest_age_s": (now - waiting[name][1]).total_seconds() if name in waiting else 0.0,
                }
                for name, worker in self._workers.items()
            },
        }

    def _open_spool(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = open(folder / "lock", "w")  # noqa: SIM115 - held as long as the process lives
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyRunning(str(folder)) from error
        try:
            self._store = self._open_store(folder)
        except KeyUnavailable:
            self._lock.close()
            raise
        self._spool = Spool(self._store)
        self._outbox = Outbox(self._store, self._spool, self._clock)
        self._copy = WorklistCopy(self._store, self.worklist, site=self._settings.site, clock=self._clock)
        self._copy.load()
        self._desk = MppsDesk(self._store, self._spool, self.worklist, self._clock)
        self._archive = ArchiveDesk(self._spool, self._clock)
        self._control = ControlDoor(folder, resynchronise=self.resynchronise, replay=self.replay)
        emit(Log.RECOVERED, count=self._spool.waiting())

    def _open_store(self, folder: Path) -> Store:
        settings = self._settings
        seal: Seal = NoSeal()
        if settings.spool_key:
            named = {"key_id": settings.spool_key, "site": settings.site, "gateway_id": settings.gateway_id}
            seal = KeySeal(spool_key(folder, self._cloud, **named))
        store = Store(folder / "spool.sqlite3", schema=SCHEMA, limit_bytes=settings.spool_limit_bytes, seal=seal)
        try:
            sealing.prove(store, seal)
        except sealing.CannotOpen as error:
            store.close()
            raise KeyUnavailable(str(error)) from error
        return store

    async def _open_dicom(self) -> None:
        if self._settings.dicom is None:
            return
        self._dicom = DicomServer(
            self._settings.dicom,
            worklist=self.worklist,
            desk=self._desk,
            archive=self._archive,
            stations=self._stations,
            clock=self._clock,
        )
        await self._dicom.start()

    async def _open_mllp(self) -> None:
        if self._settings.mllp is None:
            return
        if self._spool is None:
            raise ValueError("an MLLP port needs a spool folder")
        self._intake = Intake(
            self._spool,
            clock=self._clock,
            new_id=control_ids(),
            sources=[Source(one.sending_application, one.sending_facility, one.charset) for one in self._settings.sources],
            default_charset=self._settings.default_charset,
        )
        self._mllp = MllpListener(self._settings.mllp, self._intake)
        await self._mllp.start()

    def _open_lines(self) -> None:
        if self._spool is None or self._outbox is None:
            return
        for name, destination in self._settings.destinations.items():
            self._workers[name] = DestinationWorker(name, destination, self._outbox, clock=self._clock)
            self._run(self._workers[name].run())
        self._run(self._housekeeping())
        queues = self._settings.queues
        if queues is None:
            return
        if queues.hl7_inbound:
            self._forward(self._spool, spool.HL7_KINDS, queues.hl7_inbound)
        if queues.dicom_inbound:
            self._forward(self._spool, spool.DICOM_KINDS, queues.dicom_inbound)
        if queues.dicom_inbound and self._copy is not None:
            self._report(self._copy)
        if queues.worklist_feed and self._copy is not None:
            self._consume("worklist_feed", queues.worklist_feed, self._copy.handle, ordered=False, heard=self._copy.heard)
        if queues.hl7_outbound:
            desk = OutboundDesk(self._cloud, self._outbox, self._workers, bucket=self._settings.bucket_messages)
            self._consume("hl7_outbound", queues.hl7_outbound, desk.handle, ordered=True)

    def _report(self, copy: WorklistCopy) -> None:
        self._reporter = StatusReporter(
            self._settings,
            self._cloud,
            self._stations,
            measures=self._measures,
            told=lambda: copy.told,
            empty=not len(self.worklist),
            clock=self._clock,
        )
        self._run(self._reporter.run())

    def _measures(self) -> dict[str, float | int | None]:
        now = self._clock()
        rows, oldest_s = _waiting(self._spool, now) if self._spool is not None else (0, 0.0)
        return {
            "spool_rows": rows,
            "spool_oldest_s": oldest_s,
            "feed_steps": len(self.worklist),
            "feed_age_s": self._feed_age_s(now),
            "spool_refuses": self._store is not None and not self._store.healthy,
        }

    def resynchronise(self) -> bool:
        """Ask the cloud for the whole worklist; False when there is none."""
        if self._reporter is not None:
            self._reporter.ask_for_the_worklist()
        return self._reporter is not None

    def replay(self, since: datetime, until: datetime) -> int:
        """Put what left in [since, until) on the queues again and return how many rows."""
        rows = self._spool.replay(since, until) if self._spool is not None else 0
        emit(Log.REPLAYED, count=rows)
        return rows

    def _forward(self, rows: Spool, kinds: tuple[spool.Kind, ...], url: str) -> None:
        writer = EnvelopeWriter(
            self._cloud,
            site=self._settings.site,
            gateway_id=self._settings.gateway_id,
            bucket=self._settings.bucket_messages,
            group_key=self._settings.group_key,
        )
        forwarder = Forwarder(rows, self._cloud, writer, kinds=kinds, queue_url=url, clock=self._clock, backoff=self._new_backoff())
        loop = asyncio.get_running_loop()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(forwarder.wake.set)

        rows.on_new(wake)
        self._forwarders.append(forwarder)
        self._run(forwarder.run())

    def _consume(
        self,
        name: str,
        url: str,
        handle: Callable[[str], Coroutine[Any, Any, None]],
        *,
        ordered: bool,
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        consumer = QueueConsumer(
            self._cloud,
            url,
            handle,
            name=name,
            ordered=ordered,
            wait_s=self._settings.poll_wait_s,
            heard=heard,
            backoff=self._new_backoff(),
        )
        self._run(consumer.run())

    def _new_backoff(self) -> Backoff:
        most_s = self._settings.cloud_backoff_most_s
        return Backoff(min(FIRST_BACKOFF_S, most_s), most_s)

    async def _housekeeping(self) -> None:
        while True:
            try:
                removed = await asyncio.to_thread(self._purge)
                if removed:
                    emit(Log.PURGED, count=removed)
            except (StoreUnavailable, TimeoutError) as error:
                emit(Log.SPOOL_FAILED, error=type(error).__name__)
            await asyncio.sleep(HOUSEKEEPING_S)

    def _purge(self) -> int:
        now, retention = self._clock(), timedelta(days=self._settings.retention_days)
        keepers = [keeper for keeper in (self._spool, self._outbox, self._copy, self._desk) if keeper is not None]
        removed = sum(keeper.purge(now, retention) for keeper in keepers)
        if removed and self._store is not None:
            self._store.wipe_log()
        return removed

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))

    def _write_status(self) -> None:
        path = self._settings.status_file
        if path is None:
            return
        temporary = path.with_name(path.name + ".new")
        temporary.write_text(json.dumps({**self.ports, "pid": os.getpid()}))
        temporary.replace(path)
