"""Find where a professional is written to: by RPPS, never by name (hard rule), and the same answer for the same directory.

The order's address if the directory says that it is the requester's own; else a mailbox of that RPPS, first one at the structure the
correspondent works at; else one of that structure; else nobody's: a person sends paper.
"""

from __future__ import annotations

from dataclasses import dataclass

from ris.application.dispatch.mail_port import Directory, DirectoryMailbox
from ris.application.reference import ReferenceBook
from ris.domain.agenda.request import ImagingRequest

_ORDER = {"PER": 0, "ORG": 1, "CAB": 2, "APP": 3}


@dataclass(frozen=True)
class FoundAddress:
    """An address and where it comes from.

    Args:
        source: `order`, `directory` or `structure`.
        red_listed: Sent to, never shown.
    """

    address: str
    source: str
    red_listed: bool = False


def address_of(
    directory: Directory, reference: ReferenceBook, rpps: str, request: ImagingRequest | None = None
) -> FoundAddress | None:
    """Return where a professional is written to, or None: a person must send paper.

    Args:
        directory: The last extract.
        reference: Knows where a correspondent works.
        rpps: Of the recipient.
        request: The order the report answers, if any.
    """
    own = directory.of_professional(rpps)
    ordered = request.prescriber.mss_address.lower() if request and request.prescriber.rpps[-11:] == rpps else ""
    for mailbox in own:
        if ordered and mailbox.address.lower() == ordered:
            return FoundAddress(mailbox.address, "order", mailbox.red_listed)
    known = reference.correspondent(rpps)
    works_at = known.finess_geo if known else ""
    if own:
        return _first(own, "directory", works_at)
    shared = directory.of_structure(works_at) if works_at else []
    return _first(shared, "structure", works_at) if shared else None


def _first(mailboxes: list[DirectoryMailbox], source: str, works_at: str) -> FoundAddress:
    chosen = min(mailboxes, key=lambda one: (one.structure != works_at, _ORDER.get(one.kind, 9), one.address))
    return FoundAddress(chosen.address, source, chosen.red_listed)
