"""Large message bodies in the messages bucket (claim check), and their memory twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ris.adapters.dynamodb import by_who_must_act
from ris.domain.errors import RemoteUnavailable


class S3Frames:
    """Implements `Frames`.

    Args:
        s3: Gives `boto3.client("s3")` at the first large body.
        bucket: The messages bucket.
    """

    def __init__(self, s3: Callable[[], Any], bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def get(self, s3_key: str) -> bytes:
        """Return the bytes; see the port."""
        with by_who_must_act():
            return bytes(self._s3().get_object(Bucket=self._bucket, Key=s3_key)["Body"].read())


class MemoryFrames:
    """Bodies in a dict, `bodies`."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    def get(self, s3_key: str) -> bytes:
        """Return the bytes; see the port."""
        if s3_key not in self.bodies:
            raise RemoteUnavailable("cloud_unavailable", detail="NoSuchKey")
        return self.bodies[s3_key]
