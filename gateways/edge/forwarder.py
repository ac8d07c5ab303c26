"""Spool to queues: in order within a source, at least once, whatever the cloud does.

Each round takes the oldest waiting row of every source, so that one batch never holds two rows whose order matters and a row that
the queue refuses holds up its own source only. Rows are marked once the queue has them; a crash between the two sends a row again,
which the queue's deduplication and the cloud's ledger turn into one effect.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from gateways.edge.backoff import Backoff, wait_for
from gateways.edge.cloud import Cloud, Entry
from gateways.edge.log import Log, emit
from gateways.edge.spool import Kind, Row, Spool
from ris.contracts.queues import DicomInbound, Envelope, Hl7Acknowledged, Hl7Inbound

BATCH = 10
BATCH_BYTES = 240 * 1024
CLAIM_CHECK_BYTES = 180 * 1024
IDLE_S = 30.0
# Sequences of series (MPPS, availability), and of references to images in them or, in a commitment, beside them.
_SERIES = ("00400340", "00081115")
_REFERENCES = ("00081140", "00400220", "00081199")


class EnvelopeWriter:
    """Turns spool rows into queue messages; bodies over the limit go to the bucket first.

    Args:
        group_key: Key of the hash of the source.
    """

    def __init__(self, cloud: Cloud, *, site: str, gateway_id: str, bucket: str, group_key: str) -> None:
        self._cloud, self._site, self._gateway_id, self._bucket = cloud, site, gateway_id, bucket
        self._group_key = group_key.encode()

    def entry(self, row: Row) -> Entry:
        """Write the queue message of one row."""
        body = self._envelope(row).model_dump_json()
        spool_id = self._spool_id(row)
        return Entry(
            entry_id=str(row.id),
            body=body,
            group=hmac.new(self._group_key, f"{self._site}|{row.source}".encode(), hashlib.sha256).hexdigest(),
            deduplication_id=hashlib.sha256(f"{spool_id}|{row.replays or ''}|".encode() + row.body).hexdigest(),
        )

    def _spool_id(self, row: Row) -> str:
        return f"{self._gateway_id}-{row.id}"

    def _envelope(self, row: Row) -> Envelope:
        shared: dict[str, Any] = {"site": self._site, "spool_id": self._spool_id(row), "received_at": row.received_at}
        if row.kind == "message":
            frame, key = self._frame(row)
            return Hl7Inbound(**shared, **row.facts, frame=frame, s3_key=key, sha256=hashlib.sha256(row.body).hexdigest())
        if row.kind == "acknowledgement":
            return Hl7Acknowledged(**shared, **row.facts, frame=base64.b64encode(row.body).decode())
        return DicomInbound(**shared, **row.facts, operation=row.kind, dataset=self._dataset(row))

    def _frame(self, row: Row) -> tuple[str, str]:
        text = base64.b64encode(row.body).decode()
        if len(text) <= CLAIM_CHECK_BYTES:
            return text, ""
        return "", self._claim(row, "hl7")

    def _dataset(self, row: Row) -> dict[str, Any]:
        """Return the data set; what makes it too large (references to images, then the series) is in the bucket only."""
        dataset: dict[str, Any] = json.loads(row.body)
        if len(row.body) > CLAIM_CHECK_BYTES:
            self._claim(row, "mpps" if row.kind.startswith("mpps") else "archive")
            for series in (one for name in _SERIES for one in dataset.get(name, {}).get("Value", [])):
                for references in _REFERENCES:
                    series.pop(references, None)
            for name in (*_SERIES, *_REFERENCES):
                if len(json.dumps(dataset)) > CLAIM_CHECK_BYTES:
                    dataset.pop(name, None)
        return dataset

    def _claim(self, row: Row, folder: str) -> str:
        digest = hashlib.sha256(row.body).hexdigest()
        key = f"inbound/{self._site}/{folder}/{self._spool_id(row)}-{digest[:16]}"
        self._cloud.put_object(self._bucket, key, row.body)
        return key


class Forwarder:
    """Empties the rows of some kinds onto one queue.

    Args:
        wake: Set (from the loop) when new rows came.
    """

    def __init__(
        self,
        spool: Spool,
        cloud: Cloud,
        writer: EnvelopeWriter,
        *,
        kinds: tuple[Kind, ...],
        queue_url: str,
        clock: Callable[[], datetime],
        backoff: Backoff | None = None,
    ) -> None:
        self._spool, self._cloud, self._writer = spool, cloud, writer
        self._kinds, self._queue_url, self._clock = kinds, queue_url, clock
        self._backoff = backoff or Backoff(0.5, 60.0)
        self.wake = asyncio.Event()
        self.last_success: datetime | None = None

    async def run(self) -> None:
        """Forward for ever; nothing an adapter raises ends it."""
        while True:
            self.wake.clear()
            try:
                moved = await self._round()
            except Exception as error:  # the outermost shell: rows wait, the loop lives
                emit(Log.FORWARD_FAILED, error=type(error).__name__, queue=self._kinds[0])
                await self._backoff.wait()
                continue
            if not moved:
                await wait_for(self.wake, IDLE_S)

    async def _round(self) -> bool:
        """Move one batch.

        Returns:
            Whether it is worth looking again at once.
        """
        ids = self._spool.first_of_each_source(self._kinds, BATCH)
        if not ids:
            return False
        rows, entries = await asyncio.to_thread(self._prepare, ids)
        failed = await asyncio.to_thread(self._cloud.send, self._queue_url, entries)
        done = [row for row in rows if str(row.id) not in failed]
        if done:
            await asyncio.wrap_future(self._spool.mark_forwarded(done, self._clock()))
            self.last_success = self._clock()
            emit(Log.FORWARDED, count=len(done), queue=self._kinds[0])
        if failed:
            emit(Log.FORWARD_PARTIAL, count=len(failed), queue=self._kinds[0])
        if done:
            self._backoff.reset()
        else:
            await self._backoff.wait()
        return True

    def _prepare(self, ids: list[int]) -> tuple[list[Row], list[Entry]]:
        """Write the batch; a row whose body cannot be put aside holds up its own source only."""
        rows: list[Row] = []
        entries: list[Entry] = []
        size = 0
        failure: Exception | None = None
        for row_id in ids:
            row = self._spool.load(row_id)
            try:
                entry = self._writer.entry(row)
            except Exception as error:  # whatever the bucket's adapter raises
                failure = error
                continue
            size += len(entry.body)
            if rows and size > BATCH_BYTES:
                break
            rows.append(row)
            entries.append(entry)
        if failure is not None and not rows:
            raise failure
        return rows, entries
