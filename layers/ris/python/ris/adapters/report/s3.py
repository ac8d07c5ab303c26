"""Immutable documents in the documents bucket: a key is written once (`If-None-Match: *`); Object Lock keeps it for its years."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ris.domain.errors import RemoteUnavailable


class S3DocumentStore:
    """Implements `DocumentStore`.

    A key that may not exist is never asked for: without the right to list, S3 answers *forbidden* there, not *absent*.

    Args:
        client: Returns `boto3.client("s3")`.
        bucket: The documents bucket.
    """

    def __init__(self, client: Callable[[], Any], bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keep(self, key: str, content: bytes, *, content_type: str) -> bytes:
        """See the port."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client().put_object(
                Bucket=self._bucket, Key=key, Body=content, ContentType=content_type, IfNoneMatch="*", ChecksumAlgorithm="SHA256"
            )
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code == "PreconditionFailed":
                return self.get(key)
            raise RemoteUnavailable("document_unavailable", detail=code) from None
        except BotoCoreError as error:
            raise RemoteUnavailable("document_unavailable", detail=type(error).__name__) from None
        return content

    def get(self, key: str) -> bytes:
        """See the port."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return bytes(self._client().get_object(Bucket=self._bucket, Key=key)["Body"].read())
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            raise RemoteUnavailable("document_unavailable", detail=code) from None
        except BotoCoreError as error:
            raise RemoteUnavailable("document_unavailable", detail=type(error).__name__) from None
