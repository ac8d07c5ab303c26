"""A private RSA key that stays in KMS and signs wherever a library wants a `cryptography` key.

KMS signs RAW messages of at most 4,096 bytes; a canonical SignedInfo has about one thousand. SHA-1 is not offered by KMS: where a remote
asks for it the key must be another one.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding as paddings
from cryptography.hazmat.primitives.asymmetric import rsa


class KmsRsaPrivateKey(rsa.RSAPrivateKey):
    """The SIGN key of a legal entity.

    Args:
        client: A boto3 KMS client.
        key_id: Key id, ARN or alias.
    """

    def __init__(self, client: Any, key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    @cached_property
    def _public(self) -> rsa.RSAPublicKey:
        """Ask KMS once for the public half."""
        key = serialization.load_der_public_key(self._client.get_public_key(KeyId=self._key_id)["PublicKey"])
        assert isinstance(key, rsa.RSAPublicKey)
        return key

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:
        """Sign with RSASSA PKCS#1 v1.5 and SHA-256, the only pair KMS and our remotes share.

        Raises:
            ValueError: Another padding or hash, or more than 4,096 bytes.
        """
        if not isinstance(padding, paddings.PKCS1v15) or not isinstance(algorithm, hashes.SHA256) or len(data) > 4096:
            raise ValueError("KMS signs at most 4,096 bytes with PKCS#1 v1.5 and SHA-256")
        answer = self._client.sign(
            KeyId=self._key_id, Message=bytes(data), MessageType="RAW", SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256"
        )
        return bytes(answer["Signature"])

    def public_key(self) -> rsa.RSAPublicKey:
        """Return the public half."""
        return self._public

    @property
    def key_size(self) -> int:
        """Return the modulus length in bits."""
        return self._public.key_size

    def decrypt(self, ciphertext: bytes, padding: Any) -> bytes:
        """Refuse: this key signs."""
        raise NotImplementedError("the SIGN key only signs")

    def private_numbers(self) -> Any:
        """Refuse: the key never leaves KMS."""
        raise NotImplementedError("the SIGN key never leaves KMS")

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> bytes:  # noqa: A002 - the library's name
        """Refuse: the key never leaves KMS."""
        raise NotImplementedError("the SIGN key never leaves KMS")

    def __copy__(self) -> KmsRsaPrivateKey:
        return self

    def __deepcopy__(self, memo: Any) -> KmsRsaPrivateKey:
        return self
