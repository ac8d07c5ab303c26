"""Where the spool's key comes from: a data key of KMS, whose copy for a start without the cloud opens only on this machine.

    first start      KMS makes the key; its sealed copy goes to `key.kms` beside the spool
    later starts     1. the credential `ris-spool-key` of the unit (systemd opens it with the machine's TPM), where there is one
                     2. else KMS opens `key.kms`: without the cloud this gateway then does not start

A thief of the disk alone has ciphertext and a sealed copy that only KMS opens. A thief of the whole machine with a credential bound
to its TPM has a gateway that starts: against him helps the disk's own encryption, or to keep no credential. Neither protects from
whoever is root on the running machine.

Source: AWS KMS, GenerateDataKey and Decrypt with encryption context; systemd.exec(5), LoadCredentialEncrypted.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from gateways.edge.durable import write_durably

KEY_BYTES = 32
CREDENTIAL = "ris-spool-key"
SEALED_COPY = "key.kms"


class KeyUnavailable(Exception):
    """The spool's key cannot be had, so what lies in the spool can be neither read nor added to."""


class KeyService(Protocol):
    """What the keyring asks of KMS; both raise whatever a network does."""

    def new_data_key(self, key_id: str, context: dict[str, str]) -> tuple[bytes, bytes]:
        """Return a new key of 32 bytes and its sealed copy."""

    def open_data_key(self, sealed: bytes, context: dict[str, str]) -> bytes:
        """Return the key of a sealed copy."""


def spool_key(folder: Path, service: KeyService, *, key_id: str, site: str, gateway_id: str) -> bytes:
    """Return the key of the spool in this folder, made at its first start.

    Raises:
        KeyUnavailable: No credential, and KMS is away or refuses.
    """
    credential = _credential()
    if credential is not None:
        return credential
    context = {"site": site, "gateway": gateway_id}
    sealed_copy = folder / SEALED_COPY
    try:
        if sealed_copy.exists():
            return service.open_data_key(sealed_copy.read_bytes(), context)
        key, sealed = service.new_data_key(key_id, context)
    except Exception as error:
        raise KeyUnavailable(type(error).__name__) from error
    write_durably(sealed_copy, sealed, 0o600)
    return key


def _credential() -> bytes | None:
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    path = Path(folder) / CREDENTIAL
    if not folder or not path.exists():
        return None
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise KeyUnavailable("the credential is not a key of 32 bytes")
    return key
