"""SQS: one lock, waits outside of it, deduplication that outlives a message, and no delivery behind the sender's back."""

import threading
import time
from typing import Any

from moto.sqs import models
from moto.sqs.models import Message, Queue, SQSBackend

from infra.local.cloud.names import ACCOUNT

LOCK = threading.RLock()
"""Held during every operation on a queue; moto has none, and delivers messages twice without it."""

DEDUPLICATION_S = 300
_POLL_S = 0.1


def install(endpoint: str) -> None:
    """Replace what is wrong in moto's queues.

    Args:
        endpoint: Address of the local cloud; `Ref` of a queue is its URL there.
    """
    Queue.add_message = _add_message
    Queue.physical_resource_id = property(lambda queue: f"{endpoint}/{ACCOUNT}/{queue.name}")
    receive = SQSBackend.receive_message
    for name in ("delete_message", "delete_message_batch", "change_message_visibility", "send_message", "purge_queue"):
        setattr(SQSBackend, name, _locked(getattr(SQSBackend, name)))
    SQSBackend.receive_message = _receiving(receive)
    # moto's clock makes a datetime per look: with 500 messages queued a receive took 35 ms, and takes 1.4 ms so.
    models.unix_time = lambda moment=None: time.time() if moment is None else moment.timestamp()
    models.unix_time_millis = lambda moment=None: models.unix_time(moment) * 1000


def _locked(original: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        with LOCK:
            return original(*args, **kwargs)

    return call


def _receiving(original: Any) -> Any:
    def receive_message(
        backend: SQSBackend, queue_name: str, count: int, wait_seconds_timeout: int, *args: Any, **kwargs: Any
    ) -> Any:
        queue = backend.get_queue(queue_name)
        end = time.monotonic() + wait_seconds_timeout
        while True:
            seen = arrivals(queue)
            with LOCK:
                messages = original(backend, queue_name, count, 0, *args, **kwargs)
            left = end - time.monotonic()
            if messages or left <= 0:
                return messages
            wait_for_arrival(queue, seen, min(left, _POLL_S))

    return receive_message


def arrivals(queue: Queue) -> int:
    """Return how many messages have ever arrived."""
    return getattr(queue, "arrivals", 0)


def wait_for_arrival(queue: Queue, seen: int, timeout_s: float) -> None:
    """Wait until a message has arrived since `arrivals` gave `seen`, or some seconds have passed."""
    with queue._messages_lock:
        queue._messages_lock.wait_for(lambda: arrivals(queue) != seen, timeout_s)


def _add_message(queue: Queue, message: Message) -> None:
    with LOCK:
        if queue.fifo_queue and message.approximate_receive_count == 0 and _is_duplicate(queue, message):
            return
        with queue._messages_lock:
            queue._messages.append(message)
            queue.arrivals = arrivals(queue) + 1
            queue._messages_lock.notify_all()


def _is_duplicate(queue: Queue, message: Message) -> bool:
    """Tell whether the same deduplication id came within five minutes, even if that message is deleted, as on AWS."""
    known: dict[tuple[str | None, str | None], float] = queue.__dict__.setdefault("deduplication_ids", {})
    now = time.monotonic()
    scope = message.group_id if queue.deduplication_scope == "messageGroup" else None
    key = (scope, message.deduplication_id)
    last = known.get(key)
    if last is not None and now - last < DEDUPLICATION_S:
        return True
    known[key] = now
    return False
