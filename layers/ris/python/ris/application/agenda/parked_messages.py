"""The operator's list: look at a message that could not be applied, try it again, or dismiss it. The caller audits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from ris.application.agenda.apply_hl7 import Applied, IntakeServices, settle
from ris.application.agenda.messages import ON_THE_LIST, LedgerEntry, MessageState
from ris.application.conflicts import Conflict
from ris.domain.errors import InvalidInput, Refused, RisError


@dataclass(frozen=True)
class ParkedPage:
    """One message of the list.

    Args:
        text: The message for a person's eyes, one segment per line, as sent.
        holds_back_later_ones: Whether later messages of that patient wait for it. They never do: each is applied when it comes.
    """

    entry: LedgerEntry
    text: str
    holds_back_later_ones: bool = False


def parked_page(s: IntakeServices, site: str, entry_id: str) -> ParkedPage | None:
    """Return one message of the site, or None; settled ones can still be looked at."""
    entry = s.ledger.get(site, entry_id)
    if entry is None:
        return None
    frame = entry.frame or (s.frames.get(entry.s3_key) if entry.s3_key else b"")
    return ParkedPage(entry, s.reader.text(frame, entry.default_charset))


def replay_message(s: IntakeServices, site: str, entry_id: str, actor: str, now: datetime) -> Applied:
    """Apply a parked message (or the second body of an incident) now.

    Traits that newer messages have changed since it was parked are left as they are; its orders are applied.

    Returns:
        Its row: applied, or parked again with the present reason.

    Raises:
        InvalidInput: `unknown_message`.
        Refused: `not_on_the_list`, `nothing_to_replay` (an acknowledgement), `changed_meanwhile`.
    """
    entry = _listed(s, site, entry_id)
    if entry.kind != "message":
        raise Refused("nothing_to_replay")
    frame = entry.frame or s.frames.get(entry.s3_key)
    return Applied(settle(s, replace(entry, settled_by=actor), frame, now, late=True))


@dataclass(frozen=True)
class Replayed:
    """What became of one message of several.

    Args:
        entry: Its row: applied, or parked again with the present reason; as it was when it was refused.
        refusal: Code of the rule that kept it from being tried.
    """

    entry: LedgerEntry
    refusal: str = ""


def replay_messages(s: IntakeServices, site: str, entries: Iterable[LedgerEntry], actor: str, now: datetime) -> Iterator[Replayed]:
    """Apply several messages, the oldest first; one that is refused, or parked again, never stops the others."""
    for entry in sorted(entries, key=lambda each: each.list_place):
        try:
            yield Replayed(replay_message(s, site, entry.entry_id, actor, now).entry)
        except RisError as error:
            yield Replayed(entry, error.code)


def dismiss_message(s: IntakeServices, site: str, entry_id: str, actor: str, now: datetime) -> LedgerEntry:
    """Take a message off the list without applying it; it stays in the ledger with who did it.

    Raises:
        InvalidInput: `unknown_message`.
        Refused: `not_on_the_list`, `changed_meanwhile`.
    """
    entry = _listed(s, site, entry_id)
    try:
        return s.ledger.save(replace(entry, state=MessageState.DISMISSED, settled_by=actor, changed_at=now))
    except Conflict:
        raise Refused("changed_meanwhile") from None


def _listed(s: IntakeServices, site: str, entry_id: str) -> LedgerEntry:
    entry = s.ledger.get(site, entry_id)
    if entry is None:
        raise InvalidInput("unknown_message", field="message")
    if entry.state not in ON_THE_LIST:
        raise Refused("not_on_the_list")
    return entry
