"""Take up the extract of the national directory: whose mailboxes are where.

Everything is written under the number of a load, then the load is declared; until then the one before stands, and what an import that
died had written is simply newer. What the new extract no longer has is stale by its number, and answers as absent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from ris.application.dispatch.mail_port import DirectoryMailbox
from ris.domain.errors import InvalidInput


class Extracts(Protocol):
    """Where extracts are put."""

    def newest(self) -> str:
        """Return the key of the newest extract, or an empty string."""

    def lines(self, key: str) -> Iterator[str]:
        """Yield the lines of an extract.

        Raises:
            InvalidInput: `extract_unreadable`.
            RemoteUnavailable: Not there, or not now.
        """


class ExtractReader(Protocol):
    """Makes mailboxes of lines."""

    def mailboxes(self, lines: Iterator[str]) -> Iterator[DirectoryMailbox | None]:
        """Yield a mailbox for each line that has one, None for a line that cannot be read.

        Raises:
            InvalidInput: `extract_unreadable`: its columns are not those of an extract.
        """


class DirectoryTable(Protocol):
    """The loader's side of the directory."""

    def load(self) -> tuple[int, str]:
        """Return the number of the load that stands and the key of its extract; (0, "") before the first."""

    def put(self, load: int, mailboxes: list[DirectoryMailbox]) -> None:
        """Write the mailboxes of some owners, whole owners at a time, under a load."""

    def declare(self, load: int, key: str) -> None:
        """Say that a load stands; raise Conflict when another one was declared meanwhile."""


@dataclass(frozen=True)
class DirectoryServices:
    """Everything outside an import.

    Args:
        fewest: An extract with fewer mailboxes than this is not one: the load that stands is kept.
    """

    extracts: Extracts
    reader: ExtractReader
    table: DirectoryTable
    fewest: int = 1


@dataclass(frozen=True)
class DirectoryImport:
    """What an import did."""

    written: int = 0
    unreadable: int = 0
    key: str = ""


def import_directory(s: DirectoryServices, key: str = "") -> DirectoryImport:
    """Take up an extract, unless it is the one that stands.

    Args:
        s: The ports.
        key: Of the extract; empty takes the newest.

    Raises:
        InvalidInput: `extract_unreadable`, `extract_empty`: the load that stands is kept.
        Conflict: Another import was declared meanwhile.
    """
    wanted = key or s.extracts.newest()
    before, standing = s.table.load()
    if not wanted or (wanted == standing and not key):
        return DirectoryImport(key=standing)
    owners: dict[str, list[DirectoryMailbox]] = {}
    unreadable = 0
    for mailbox in s.reader.mailboxes(s.extracts.lines(wanted)):
        if mailbox is None:
            unreadable += 1
        else:
            owners.setdefault(mailbox.rpps or mailbox.structure, []).append(mailbox)
    written = sum(map(len, owners.values()))
    if written < s.fewest:
        raise InvalidInput("extract_empty", field="extract")
    s.table.put(before + 1, [one for owner in sorted(owners) for one in owners[owner]])
    s.table.declare(before + 1, wanted)
    return DirectoryImport(written, unreadable, wanted)
