"""Seals in the `audit` table, anchors in the locked bucket, and the key that signs them.

| where | item | key |
|---|---|---|
| table `audit` | seal | `SEAL#{site}#{UTC day}` / `{number, six digits}` |
| documents bucket | signed anchor | `audit/{site}/{UTC day}/{number, six digits}.json` |

What a seal binds is one binary attribute of lines `key digest`: a thousand records take a third of the largest item.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ris.adapters.dynamodb import Item, Table, by_who_must_act, instant_of, instant_text, write
from ris.domain.access.chain import Bound, Seal, anchor_of


class DynamoSealStore:
    """Implements `SealStore` on the `audit` table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def append(self, seal: Seal) -> None:
        """Write a seal; raise Conflict when its day has one of that number."""
        write(self._table.client, [self._table.putting(_item(seal), condition="attribute_not_exists(pk)")])

    def of_day(self, site: str, day: str) -> list[Seal]:
        """Return the seals of a day in the order of their numbers."""
        return [_seal(site, day, item) for item in self._table.query(f"SEAL#{site}#{day}")]


class S3AnchorVault:
    """Implements `AnchorVault` in a bucket under Object Lock.

    Args:
        client: `boto3.client("s3")`.
        bucket: Its name.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def keep(self, seal: Seal) -> None:
        """Keep the anchor of a seal; the same one again changes nothing."""
        from botocore.exceptions import ClientError

        statement = {"anchor": anchor_of(seal).decode(), "signature": b64encode(seal.signature).decode()}
        key = f"{_folder(seal.site, seal.day)}{seal.number:06d}.json"
        with by_who_must_act():
            try:
                self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=json.dumps(statement).encode(),
                    ContentType="application/json",
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != "PreconditionFailed":
                    raise

    def count(self, site: str, day: str) -> int:
        """Return the highest number of a seal of that day whose anchor is kept; 0 for none."""
        highest, request = 0, {"Bucket": self._bucket, "Prefix": _folder(site, day)}
        while True:
            # Versions, not objects: a delete marker hides an object and removes nothing.
            with by_who_must_act():
                answer = self._client.list_object_versions(**request)
            numbers = [int(each["Key"].rsplit("/", 1)[-1].removesuffix(".json")) for each in answer.get("Versions", [])]
            highest = max([highest, *numbers])
            if not answer.get("IsTruncated"):
                return highest
            request |= {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}


class KmsAnchorKey:
    """Implements `AnchorKey` with an ECDSA P-256 key in KMS; verifying asks KMS once, for the public half.

    Args:
        client: Returns `boto3.client("kms")`.
        key_id: Key id, ARN or alias.
    """

    def __init__(self, client: Callable[[], Any], key_id: str) -> None:
        self._client = client
        self._key_id = key_id
        self._public: Any = None

    def sign(self, anchor: bytes) -> bytes:
        """Return the signature of an anchor of at most 4,096 bytes (DER)."""
        with by_who_must_act():
            answer = self._client().sign(KeyId=self._key_id, Message=anchor, MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256")
        return bytes(answer["Signature"])

    def verifies(self, anchor: bytes, signature: bytes) -> bool:
        """Tell whether the signature is this key's."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.hashes import SHA256

        try:
            self._verifier().verify(signature, anchor, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True

    def _verifier(self) -> Any:
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        if self._public is None:
            with by_who_must_act():
                answer = self._client().get_public_key(KeyId=self._key_id)
            self._public = load_der_public_key(answer["PublicKey"])
        return self._public


def _folder(site: str, day: str) -> str:
    return f"audit/{site}/{day}/"


def _item(seal: Seal) -> Item:
    return {
        "pk": f"SEAL#{seal.site}#{seal.day}",
        "sk": f"{seal.number:06d}",
        "previous": seal.previous,
        "bound": "\n".join(f"{each.key} {each.digest}" for each in seal.bound).encode(),
        "hash": seal.hash,
        "sealed_at": instant_text(seal.sealed_at),
        "closing": seal.closing,
        "signature": seal.signature,
    }


def _seal(site: str, day: str, item: Item) -> Seal:
    lines = item["bound"].decode().splitlines()
    bound = tuple(Bound(*line.rsplit(" ", 1)) for line in lines)
    sealed_at = instant_of(item["sealed_at"]) or datetime.min.replace(tzinfo=UTC)
    return Seal(
        site, day, int(item["sk"]), item["previous"], bound, item["hash"], sealed_at, bool(item["closing"]), item["signature"]
    )
