"""What a message of another system says of one person."""

from __future__ import annotations

from dataclasses import dataclass, field

from ris.domain.identity.patient import Change, Identifier, TraitsChange


@dataclass(frozen=True)
class PatientSaid:
    """What a message says of its patient.

    Args:
        ipp: The PI of the site's domain.
        consents: `ZFA-n` to what the message asks of it; `capture` likewise for `ZFD-n`.
        reliability: PID-32; None when absent.
        creates: Whether somebody unknown is created; a cancellation or a discharge of somebody unknown changes nothing.
    """

    ipp: Identifier
    traits: TraitsChange
    consents: dict[str, Change] = field(default_factory=dict)
    capture: dict[str, Change] = field(default_factory=dict)
    reliability: tuple[str, ...] | None = None
    creates: bool = True
