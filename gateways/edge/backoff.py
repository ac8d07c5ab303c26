"""Waiting between two tries: longer each time, bounded, with jitter, and ended at once by what wakes it."""

from __future__ import annotations

import asyncio
import contextlib
import random


class Backoff:
    """Grows by two from `first_s` to `most_s`; the wait is a random part between half and all of it."""

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_s, self._most_s = first_s, most_s
        self._failures = 0
        self._random = random.Random()  # noqa: S311 - jitter, no secret

    def reset(self) -> None:
        """Something worked: begin small again."""
        self._failures = 0

    def next_s(self) -> float:
        """Return how long to wait after one more failure, in seconds."""
        whole = min(self._most_s, self._first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return whole * (0.5 + self._random.random() / 2)

    async def wait(self, wake: asyncio.Event | None = None) -> None:
        """Wait after a failure, or until `wake` is set."""
        await wait_for(wake or asyncio.Event(), self.next_s())


async def wait_for(event: asyncio.Event, timeout_s: float) -> bool:
    """Wait until the event is set, at most `timeout_s`; return whether it was."""
    # Not `asyncio.wait_for`: on Python 3.11 it swallows a cancellation that comes together with the event, and a stop never ends.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
    return event.is_set()
