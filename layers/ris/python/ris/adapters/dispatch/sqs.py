"""The outbound queue of a site's gateway.

FIFO: messages of one exam keep their order (their group is an HMAC, since attributes are not encrypted), a repetition of one attempt
within five minutes is dropped by the queue, and a new attempt under the same MSH-10 is a message of its own.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from ris.adapters.dynamodb import by_who_must_act
from ris.contracts.queues import Hl7Outbound

LARGEST_FRAME = 180_000
"""Bytes; as base64 within the queue's 256 KB. A larger frame waits in the messages bucket."""


class SqsHl7Gate:
    """Implements `Hl7Gate`.

    Args:
        sqs: `boto3.client("sqs")`.
        s3: Gives `boto3.client("s3")` when a frame is large.
        queue_prefix: `{prefix}-{site}-hl7-outbound.fifo` is the queue's name.
        bucket: The messages bucket.
        group_key: Gives the HMAC key of message groups.
    """

    def __init__(self, *, sqs: Any, s3: Callable[[], Any], queue_prefix: str, bucket: str, group_key: Callable[[], bytes]) -> None:
        self._sqs = sqs
        self._s3 = s3
        self._prefix = queue_prefix
        self._bucket = bucket
        self._group_key = group_key
        self._url = functools.cache(self._queue_url)

    def _queue_url(self, site: str) -> str:
        return str(self._sqs.get_queue_url(QueueName=f"{self._prefix}-{site}-hl7-outbound.fifo")["QueueUrl"])

    def send(self, *, site: str, destination: str, message_id: str, frame: bytes, owner: str, attempt: int) -> None:
        """Put one message on the site's queue.

        Raises:
            RemoteUnavailable: Not queued, or perhaps queued: the same attempt again is the same message to the queue.
        """
        key = ""
        if len(frame) > LARGEST_FRAME:
            key = f"outbound/{site}/{message_id}"
            with by_who_must_act():
                self._s3().put_object(Bucket=self._bucket, Key=key, Body=frame)
        envelope = Hl7Outbound(
            site=site,
            destination=destination,
            message_id=message_id,
            frame="" if key else base64.b64encode(frame).decode(),
            s3_key=key,
        )
        with by_who_must_act():
            self._sqs.send_message(
                QueueUrl=self._url(site),
                MessageBody=envelope.model_dump_json(),
                MessageGroupId=hmac.new(self._group_key(), f"{site}|{destination}|{owner}".encode(), hashlib.sha256).hexdigest(),
                MessageDeduplicationId=hashlib.sha256(f"{site}|{destination}|{message_id}|{attempt}".encode()).hexdigest(),
            )
