"""The way to the cloud: a port of a few calls, and its AWS adapter.

The adapter's clients are made at their first use; every call may raise anything a network does, and callers treat each as *try
again later*.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol


@dataclass(frozen=True)
class Entry:
    """One message for a FIFO queue.

    Args:
        entry_id: Ours, unique in its batch.
        group: Messages of one group stay in order.
        deduplication_id: The same again within five minutes is one message.
    """

    entry_id: str
    body: str
    group: str
    deduplication_id: str


@dataclass(frozen=True)
class Received:
    """One message taken from a queue; it comes back unless deleted."""

    receipt: str
    body: str


class Cloud(Protocol):
    """What the gateway asks of the cloud."""

    @property
    def clock_skew_s(self) -> float | None:
        """Our clock minus the cloud's, in seconds, as its last answer told; None before the first."""

    def send(self, queue_url: str, entries: Sequence[Entry]) -> set[str]:
        """Put up to ten messages on a FIFO queue and return the `entry_id` of those refused."""

    def receive(self, queue_url: str, wait_s: int) -> list[Received]:
        """Take up to ten messages, waiting up to `wait_s` for the first."""

    def delete(self, queue_url: str, receipt: str) -> None:
        """Tell the queue that a message is taken for good."""

    def put_object(self, bucket: str, key: str, body: bytes) -> None:
        """Write one object."""

    def get_object(self, bucket: str, key: str) -> bytes:
        """Read one object."""

    def new_data_key(self, key_id: str, context: dict[str, str]) -> tuple[bytes, bytes]:
        """See `gateways.edge.keyring.KeyService`."""

    def open_data_key(self, sealed: bytes, context: dict[str, str]) -> bytes:
        """See `gateways.edge.keyring.KeyService`."""


class AwsCloud:
    """SQS, S3 and KMS by boto3; addresses and credentials come from the environment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}
        self._skew_s: float | None = None

    @property
    def clock_skew_s(self) -> float | None:
        """See `Cloud.clock_skew_s`."""
        return self._skew_s

    def send(self, queue_url: str, entries: Sequence[Entry]) -> set[str]:
        """See `Cloud.send`."""
        answer = self._client("sqs").send_message_batch(
            QueueUrl=queue_url,
            Entries=[
                {
                    "Id": entry.entry_id,
                    "MessageBody": entry.body,
                    "MessageGroupId": entry.group,
                    "MessageDeduplicationId": entry.deduplication_id,
                }
                for entry in entries
            ],
        )
        return {entry.entry_id for entry in entries} - {done["Id"] for done in answer.get("Successful", [])}

    def receive(self, queue_url: str, wait_s: int) -> list[Received]:
        """See `Cloud.receive`."""
        answer = self._client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_s)
        return [Received(message["ReceiptHandle"], message["Body"]) for message in answer.get("Messages", [])]

    def delete(self, queue_url: str, receipt: str) -> None:
        """See `Cloud.delete`."""
        self._client("sqs").delete_message(QueueUrl=queue_url, ReceiptHandle=receipt)

    def put_object(self, bucket: str, key: str, body: bytes) -> None:
        """See `Cloud.put_object`."""
        self._client("s3").put_object(Bucket=bucket, Key=key, Body=body)

    def get_object(self, bucket: str, key: str) -> bytes:
        """See `Cloud.get_object`."""
        body: bytes = self._client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def new_data_key(self, key_id: str, context: dict[str, str]) -> tuple[bytes, bytes]:
        """See `gateways.edge.keyring.KeyService.new_data_key`."""
        made = self._client("kms").generate_data_key(KeyId=key_id, KeySpec="AES_256", EncryptionContext=context)
        return made["Plaintext"], made["CiphertextBlob"]

    def open_data_key(self, sealed: bytes, context: dict[str, str]) -> bytes:
        """See `gateways.edge.keyring.KeyService.open_data_key`."""
        key: bytes = self._client("kms").decrypt(CiphertextBlob=sealed, EncryptionContext=context)["Plaintext"]
        return key

    def _client(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                import boto3
                from botocore.config import Config

                options = Config(connect_timeout=5, read_timeout=40, retries={"mode": "standard", "max_attempts": 2})
                client = boto3.session.Session().client(service, config=options)
                client.meta.events.register("after-call", self._compare_clocks)
                self._clients[service] = client
            return self._clients[service]

    def _compare_clocks(self, http_response: Any, **_: Any) -> None:
        """Read the Date of an answer (RFC 9110 §6.6.1, to the second)."""
        with contextlib.suppress(KeyError, TypeError, ValueError):
            theirs = parsedate_to_datetime(http_response.headers["Date"])
            self._skew_s = (datetime.now(UTC) - theirs).total_seconds()
