"""Queue to gateway: takes messages, hands each on, and deletes it only after that succeeded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pydantic import ValidationError

from gateways.edge.backoff import Backoff
from gateways.edge.cloud import Cloud, Received
from gateways.edge.log import Log, emit


class QueueConsumer:
    """Reads one queue for ever.

    Args:
        handle: Makes one body durable; raises when that failed. A body that is no envelope raises `ValidationError` and is left to
            the queue's dead letters.
        ordered: The queue is FIFO: after a failure the rest of the batch is left, so that nothing overtakes.
        wait_s: Longest wait of one call.
        heard: Called whenever the queue answered, with messages or without.
    """

    def __init__(
        self,
        cloud: Cloud,
        queue_url: str,
        handle: Callable[[str], Awaitable[None]],
        *,
        name: str,
        ordered: bool,
        wait_s: int,
        heard: Callable[[], None] = lambda: None,
        backoff: Backoff | None = None,
    ) -> None:
        self._cloud, self._queue_url, self._handle = cloud, queue_url, handle
        self._name, self._ordered, self._wait_s, self._heard = name, ordered, wait_s, heard
        self._backoff = backoff or Backoff(0.5, 60.0)

    async def run(self) -> None:
        """Consume for ever; nothing an adapter raises ends it."""
        while True:
            try:
                messages = await asyncio.to_thread(self._cloud.receive, self._queue_url, self._wait_s)
                self._heard()
                failed = await self._take(messages)
            except Exception as error:  # the outermost shell: messages come back, the loop lives
                emit(Log.CONSUMER_FAILED, error=type(error).__name__, queue=self._name)
                failed = True
            if failed:
                await self._backoff.wait()
            else:
                self._backoff.reset()

    async def _take(self, messages: list[Received]) -> bool:
        failed = False
        for message in messages:
            try:
                await self._handle(message.body)
            except ValidationError:
                emit(Log.ENVELOPE_REFUSED, queue=self._name)
                failed = True
                if self._ordered:
                    break
                continue
            await asyncio.to_thread(self._cloud.delete, self._queue_url, message.receipt)
        return failed
