"""From the cloud's outbound queue into the site's own queues: durable here before it is deleted there."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping

from gateways.edge.cloud import Cloud
from gateways.edge.hl7.outbox import Outbox
from gateways.edge.hl7.sender import DestinationWorker
from gateways.edge.log import Log, emit
from ris.contracts.queues import Hl7Outbound


class OutboundDesk:
    """Takes envelopes of `hl7-outbound`.

    Args:
        workers: One per destination of this site.
        bucket: Where a large body was left.
    """

    def __init__(self, cloud: Cloud, outbox: Outbox, workers: Mapping[str, DestinationWorker], *, bucket: str) -> None:
        self._cloud, self._outbox, self._workers, self._bucket = cloud, outbox, workers, bucket

    async def handle(self, body: str) -> None:
        """Make one message durable and wake its destination.

        Raises:
            pydantic.ValidationError: No envelope.
        """
        envelope = Hl7Outbound.model_validate_json(body)
        worker = self._workers.get(envelope.destination)
        if worker is None:
            emit(Log.OUTBOUND_UNKNOWN_DESTINATION, destination=envelope.destination, message_id=envelope.message_id)
            await asyncio.wrap_future(self._outbox.report_undeliverable(envelope.destination, envelope.message_id))
            return
        frame = base64.b64decode(envelope.frame)
        if envelope.s3_key:
            frame = await asyncio.to_thread(self._cloud.get_object, self._bucket, envelope.s3_key)
        await asyncio.wrap_future(self._outbox.put(envelope.destination, envelope.message_id, frame))
        emit(Log.OUTBOUND_TAKEN, destination=envelope.destination, message_id=envelope.message_id)
        worker.wake.set()
