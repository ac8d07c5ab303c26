"""Moves messages from queues to functions, as Lambda's event source mappings do; moto would do it inside SendMessage."""

import contextlib
import json
import threading
import time
import traceback
from typing import Any

from moto.awslambda.models import EventSourceMapping
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, sqs_backends

from infra.local.cloud import sqs
from infra.local.cloud.lambda_host import Function, Host, Throttled
from infra.local.cloud.names import ACCOUNT, REGION, UnknownToTheLocalCloud

_KNOWN = {
    "AccountId",
    "BatchSize",
    "Enabled",
    "EventSourceArn",
    "FunctionArn",
    "FunctionName",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "RegionName",
    "ScalingConfig",
}
_POLLERS = 2
"""Threads that read one standard queue. A FIFO queue has one, which keeps its order."""

_IDLE_S = 0.1


class Mapping:
    """One event source mapping: a queue, a function, and the threads between them."""

    def __init__(self, queue: Queue, function: Function, properties: dict[str, Any], retry_s: float) -> None:
        self._queue = queue
        self._function = function
        self._batch_size = int(properties.get("BatchSize", 10))
        self._window_s = float(properties.get("MaximumBatchingWindowInSeconds", 0))
        self._partial = "ReportBatchItemFailures" in properties.get("FunctionResponseTypes", [])
        self._retry_s = min(retry_s, float(queue.visibility_timeout))
        limit = int(properties.get("ScalingConfig", {}).get("MaximumConcurrency", _POLLERS))
        self._pollers = 1 if queue.fifo_queue else min(limit, _POLLERS)

    def start(self) -> None:
        """Start the threads."""
        for number in range(self._pollers):
            threading.Thread(target=self._run, name=f"pump-{self._queue.name}-{number}", daemon=True).start()

    def _run(self) -> None:
        while True:
            seen = sqs.arrivals(self._queue)
            messages = self._receive()
            if messages:
                self._deliver_or_say(messages)
            else:
                sqs.wait_for_arrival(self._queue, seen, _IDLE_S)

    def _receive(self) -> list[Message]:
        messages = self._take(self._batch_size)
        end = time.monotonic() + self._window_s
        while messages and len(messages) < self._batch_size and time.monotonic() < end:
            sqs.wait_for_arrival(self._queue, sqs.arrivals(self._queue), _IDLE_S)
            messages += self._take(self._batch_size - len(messages))
        return messages

    def _take(self, count: int) -> list[Message]:
        backend = sqs_backends[ACCOUNT][REGION]
        return backend.receive_message(self._queue.name, count, 0, self._queue.visibility_timeout, ["All"])

    def _deliver_or_say(self, messages: list[Message]) -> None:
        """Keep the thread alive whatever happens; what was not deleted comes again after the queue's own timeout."""
        try:
            self._deliver(messages)
        except Exception:
            traceback.print_exc()

    def _deliver(self, messages: list[Message]) -> None:
        failed = self._failures(messages)
        with sqs.LOCK:
            for message in messages:
                if message.id in failed:
                    self._retry_soon(message)
                else:
                    with contextlib.suppress(ReceiptHandleIsInvalid):  # purged meanwhile
                        self._queue.delete_message(message.receipt_handle)

    def _failures(self, messages: list[Message]) -> set[str]:
        """Invoke the function; return the ids of the messages that stay in the queue."""
        everything = {message.id for message in messages}
        event = {"Records": [_record(self._queue, message) for message in messages]}
        try:
            answer = self._function.invoke(json.dumps(event).encode())
        except Throttled:
            return everything
        if answer.failed:
            return everything
        return _partial_failures(answer.payload, everything) if self._partial else set()

    def _retry_soon(self, message: Message) -> None:
        """Make a failed message visible after the local delay; the queue's own timeout is left alone while a function works."""
        for original in self._queue._messages:
            if original.id == message.id:
                original.visible_at = (time.time() + self._retry_s) * 1000


def _partial_failures(payload: bytes, everything: set[str]) -> set[str]:
    """Read a batch response as Lambda does: an entry it does not understand fails the whole batch."""
    try:
        response = json.loads(payload or b"null") or {}
        identifiers = {entry["itemIdentifier"] for entry in response.get("batchItemFailures") or []}
    except (ValueError, KeyError, TypeError, AttributeError):
        return everything
    return identifiers if identifiers <= everything else everything


def _record(queue: Queue, message: Message) -> dict[str, Any]:
    attributes = {
        "ApproximateReceiveCount": str(message.approximate_receive_count),
        "SentTimestamp": str(message.sent_timestamp),
        "SenderId": message.sender_id,
        "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
    }
    if queue.fifo_queue:
        attributes |= {
            "SequenceNumber": message.sequence_number or "",
            "MessageGroupId": message.group_id or "",
            "MessageDeduplicationId": message.deduplication_id or "",
        }
    return {
        "messageId": message.id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": attributes,
        "messageAttributes": {name: _attribute(value) for name, value in message.message_attributes.items()},
        "md5OfBody": message.body_md5,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue.queue_arn,
        "awsRegion": REGION,
    }


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    return {"stringValue": value.get("StringValue"), "dataType": value["DataType"], "stringListValues": [], "binaryListValues": []}


class Pump:
    """All event source mappings; they start together, once everything is deployed."""

    def __init__(self, host: Host, retry_s: float) -> None:
        self._host = host
        self._retry_s = retry_s
        self._mappings: list[Mapping] = []
        self._started = False

    def install(self) -> None:
        """Take over every mapping that a template makes."""
        create = EventSourceMapping.create_from_cloudformation_json.__func__
        pump = self

        def create_mapping(cls: type, name: str, cloudformation_json: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
            properties = cloudformation_json["Properties"]
            if unknown := properties.keys() - _KNOWN:
                raise UnknownToTheLocalCloud(f"property {sorted(unknown)[0]} of the mapping {kwargs['LogicalId']}")
            made = create(cls, name, cloudformation_json, *args, **kwargs)
            pump._add(properties, enabled=str(properties.get("Enabled", True)).lower() == "true")
            return made

        EventSourceMapping.create_from_cloudformation_json = classmethod(create_mapping)

    def start(self) -> None:
        """Start every mapping."""
        self._started = True
        for mapping in self._mappings:
            mapping.start()

    def _add(self, properties: dict[str, Any], enabled: bool) -> None:
        queue = sqs_backends[ACCOUNT][REGION].get_queue(properties["EventSourceArn"].rsplit(":", 1)[-1])
        queue.lambda_event_source_mappings.clear()
        if not enabled:
            return
        mapping = Mapping(queue, self._host.find(properties["FunctionName"]), properties, self._retry_s)
        self._mappings.append(mapping)
        if self._started:
            mapping.start()
