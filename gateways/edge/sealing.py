"""What lies in the spool lies sealed: AES-256-GCM, a key of 32 bytes that is in memory only.

Sealed values begin with a mark, so a file that was begun without a key is read on. Each value has a nonce of its own (96 random
bits, NIST SP 800-38D §8.2.2).
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

if TYPE_CHECKING:
    from gateways.edge.store import Store

MARK = b"\x00RIS1"
NONCE_BYTES = 12


class CannotOpen(Exception):
    """A value was sealed with another key, or was changed."""


class Seal(Protocol):
    """Seals what goes to the disk."""

    def seal(self, plain: bytes) -> bytes:
        """Return the value as the disk holds it."""

    def open(self, sealed: bytes) -> bytes:
        """Return the value itself.

        Raises:
            CannotOpen: It was sealed with another key, or was changed.
        """


class NoSeal:
    """Stand-alone gateways: values lie as they are."""

    def seal(self, plain: bytes) -> bytes:
        """See `Seal.seal`."""
        return plain

    def open(self, sealed: bytes) -> bytes:
        """See `Seal.open`."""
        if sealed.startswith(MARK):
            raise CannotOpen("sealed, and there is no key")
        return sealed


class KeySeal:
    """Values sealed with one key.

    Args:
        key: 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes) -> bytes:
        """See `Seal.seal`."""
        nonce = os.urandom(NONCE_BYTES)
        return MARK + nonce + self._cipher.encrypt(nonce, plain, MARK)

    def open(self, sealed: bytes) -> bytes:
        """See `Seal.open`."""
        if not sealed.startswith(MARK):
            return sealed
        nonce = sealed[len(MARK) : len(MARK) + NONCE_BYTES]
        try:
            return self._cipher.decrypt(nonce, sealed[len(MARK) + NONCE_BYTES :], MARK)
        except InvalidTag as error:
            raise CannotOpen("another key, or changed") from error


def register(connection: sqlite3.Connection, seal: Seal) -> None:
    """Give a connection the SQL functions `seal` and `unseal` (blob to blob)."""
    connection.create_function("seal", 1, lambda value: seal.seal(bytes(value)))
    connection.create_function("unseal", 1, lambda value: seal.open(value.encode() if isinstance(value, str) else value))


SCHEMA = "CREATE TABLE IF NOT EXISTS sealed_with (proof BLOB NOT NULL);"
_PROOF = b"ris"


def prove(store: Store, seal: Seal) -> None:
    """Make sure that the key is the one this store was begun with.

    Args:
        store: Has `SCHEMA` in its schema.

    Raises:
        CannotOpen: It is another one.
    """
    found = store.read(lambda c: c.execute("SELECT proof FROM sealed_with").fetchone())
    if found is None:
        store.do(lambda c: c.execute("INSERT INTO sealed_with (proof) VALUES (seal(?))", (_PROOF,)).rowcount)
    elif seal.open(found[0]) != _PROOF:
        raise CannotOpen("another key")
