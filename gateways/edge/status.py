"""What a gateway says of itself: now and then, best effort, never spooled; only the newest word counts.

It carries ages, counts, AE titles and ends of certificates, no patient value. While the worklist copy was never told anything by the
cloud, or when an operator asks (`ris gateway resync`), it asks for the whole worklist.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from gateways.edge import VERSION
from gateways.edge.backoff import wait_for
from gateways.edge.cloud import Cloud, Entry
from gateways.edge.config import Settings
from gateways.edge.dicom.stations import Stations
from gateways.edge.log import Log, emit
from ris.contracts.queues import CertificateDays, GatewayStatus, StationSeen

Measures = Callable[[], Mapping[str, float | int | None]]


class StatusReporter:
    """Reports every `status_every_s`.

    Args:
        measures: Called in a thread; returns `spool_rows`, `spool_oldest_s`, `spool_refuses`, `feed_steps` and `feed_age_s` of `GatewayStatus`.
        told: Tells how many steps the feed has brought since the start.
        empty: The copy was empty when the gateway started.
    """

    def __init__(
        self,
        settings: Settings,
        cloud: Cloud,
        stations: Stations,
        *,
        measures: Measures,
        told: Callable[[], int],
        empty: bool,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings, self._cloud, self._stations = settings, cloud, stations
        self._measures, self._told, self._clock = measures, told, clock
        self._started_at = clock()
        self._told_before = told() if empty else None
        self._now = asyncio.Event()

    def ask_for_the_worklist(self) -> None:
        """Ask the cloud, at once, for every step that waits."""
        self._told_before = self._told()
        self._now.set()

    @property
    def wants_feed(self) -> bool:
        """Whether the whole worklist is asked for and nothing of it has come."""
        return self._told_before is not None and self._told() == self._told_before

    async def run(self) -> None:
        """Report for ever; what fails is said again, newer, the next time."""
        while True:
            self._now.clear()
            try:
                await asyncio.to_thread(self._send)
            except Exception as error:  # the outermost shell: whatever a network raises
                emit(Log.STATUS_NOT_SENT, error=type(error).__name__)
            await wait_for(self._now, self._settings.status_every_s)

    def _send(self) -> None:
        assert self._settings.queues is not None
        body = self._status().model_dump_json()
        own = f"{self._settings.site}|{self._settings.gateway_id}"
        entry = Entry(
            entry_id="status",
            body=body,
            group=hmac.new(self._settings.group_key.encode(), f"status|{own}".encode(), hashlib.sha256).hexdigest(),
            deduplication_id=hashlib.sha256(body.encode()).hexdigest(),
        )
        if self._cloud.send(self._settings.queues.dicom_inbound, [entry]):
            emit(Log.STATUS_NOT_SENT, error="refused")

    def _status(self) -> GatewayStatus:
        return GatewayStatus(
            kind="status",
            site=self._settings.site,
            gateway_id=self._settings.gateway_id,
            version=VERSION,
            sent_at=self._clock(),
            started_at=self._started_at,
            clock_skew_s=self._cloud.clock_skew_s,
            certificates=tuple(certificates_of(self._settings)),
            stations=tuple(
                StationSeen(
                    ae_title=title, last_echo_at=seen.last_echo_at, last_find_at=seen.last_find_at, last_mpps_at=seen.last_mpps_at
                )
                for title, seen in self._stations.status().items()
            ),
            wants_feed=self.wants_feed,
            every_s=self._settings.status_every_s,
            **self._measures(),  # type: ignore[arg-type]
        )


def certificates_of(settings: Settings) -> Iterable[CertificateDays]:
    """Return the certificates that this gateway's ports show, and when they end; an unreadable file is left to the port to refuse."""
    ports = {"mllp": settings.mllp, "dicom": settings.dicom}
    for name, port in ports.items():
        if port is not None and port.tls is not None:
            end = _end(port.tls.certificate)
            if end is not None:
                yield CertificateDays(name=name, not_after=end)


def _end(path: Path) -> datetime | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc.astimezone(UTC)
    except (OSError, ValueError):
        return None
