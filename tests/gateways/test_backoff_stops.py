"""A wait that is cancelled ends, even when what it waited for comes at the same time."""

from __future__ import annotations

import asyncio

from gateways.edge.backoff import wait_for


def test_a_stop_that_comes_together_with_the_event_is_not_lost() -> None:
    async def whole() -> bool:
        event = asyncio.Event()

        async def worker() -> None:
            while True:
                await wait_for(event, 60)
                event.clear()

        task = asyncio.create_task(worker())
        for _ in range(3):
            await asyncio.sleep(0)  # lets the worker begin to wait
        event.set()
        await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=2)
        return task in done

    assert asyncio.run(whole())
