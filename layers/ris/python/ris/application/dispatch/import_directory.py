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


@dataclass(frozen=True)
class Load:
    """One import that was taken up.

    Args:
        number: 1, 2, 3 …; 0 before the first.
        key: Of its extract; `mailboxes` how many it had.
    """

    number: int = 0
    key: str = ""
    mailboxes: int = 0


class Extracts(Protocol):
    """Where extracts are had."""

    def newest(self) -> str:
        """Return the key of the newest extract, or an empty string where none is to be had.

        Raises:
            RemoteUnavailable: `directory_unavailable`.
        """

    def lines(self, key: str) -> Iterator[str]:
        """Yield the lines of an extract.

        Raises:
            InvalidInput: `extract_unreadable`; also in the middle.
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

    def load(self) -> Load:
        """Return the load that stands."""

    def put(self, load: int, mailboxes: list[DirectoryMailbox]) -> None:
        """Write the mailboxes of some owners, whole owners at a time, under a load."""

    def declare(self, load: Load) -> None:
        """Say that a load stands; raise Conflict when another one was declared meanwhile."""


@dataclass(frozen=True)
class DirectoryServices:
    """Everything outside an import.

    Args:
        least_share: An extract with less than this share of the mailboxes that stand is not believed: it was cut, or is another file.
    """

    extracts: Extracts
    reader: ExtractReader
    table: DirectoryTable
    least_share: float = 0.5


@dataclass(frozen=True)
class DirectoryImport:
    """What an import did."""

    written: int = 0
    unreadable: int = 0
    key: str = ""


def import_directory(s: DirectoryServices) -> DirectoryImport:
    """Take up the newest extract, unless it is the one that stands.

    Args:
        s: The ports.

    Raises:
        InvalidInput: `extract_unreadable`, `extract_shrunk`: the load that stands is kept.
        RemoteUnavailable: The extract is not to be had now.
        Conflict: Another import was declared meanwhile.
    """
    key, standing = s.extracts.newest(), s.table.load()
    if not key or key == standing.key:
        return DirectoryImport(key=standing.key)
    owners: dict[str, list[DirectoryMailbox]] = {}
    unreadable = 0
    for mailbox in s.reader.mailboxes(s.extracts.lines(key)):
        if mailbox is None:
            unreadable += 1
        else:
            owners.setdefault(mailbox.rpps or mailbox.structure, []).append(mailbox)
    written = sum(map(len, owners.values()))
    if written < max(1, standing.mailboxes * s.least_share):
        raise InvalidInput("extract_shrunk", field="extract")
    s.table.put(standing.number + 1, [one for owner in sorted(owners) for one in owners[owner]])
    s.table.declare(Load(standing.number + 1, key, written))
    return DirectoryImport(written, unreadable, key)
