"""What can happen to an identity. Each event is one fact with its instant and who did it; `rniv.apply` says what follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ris.domain.identity.insi import InsiFound
from ris.domain.identity.patient import TraitsChange


@dataclass(frozen=True)
class Event:
    """What all events share.

    Args:
        at: Aware UTC instant at which it happened.
        by: Account id, or the machine that did it (`sweep`, `hl7`).
        site: Where.
    """

    at: datetime
    by: str
    site: str


@dataclass(frozen=True)
class InsiAnswered(Event):
    """INSi gave an answer.

    Args:
        code: `00`, `01`, `02`.
        found: With 00.
    """

    code: str
    found: InsiFound | None = None


@dataclass(frozen=True)
class InsiFailed(Event):
    """INSi could not be asked, or gave no answer that can be believed.

    Args:
        error: Code of the failure.
        temporary: Whether asking later helps; else somebody must act first.
    """

    error: str
    temporary: bool = True


@dataclass(frozen=True)
class InsiAccepted(Event):
    """A person took the answer that was shown beside the local traits.

    Args:
        asked_at: Of the answer shown, so that no newer one is accepted unseen.
    """

    asked_at: datetime


@dataclass(frozen=True)
class InsiDeclined(Event):
    """A person said that the answer is not this patient.

    Args:
        asked_at: Of the answer shown.
    """

    asked_at: datetime


@dataclass(frozen=True)
class DocumentRecorded(Event):
    """The identity was compared with a document.

    Args:
        code: PAM-FR ZFD-7.
        expires: `YYYYMMDD`, or empty.
    """

    code: str
    expires: str = ""


@dataclass(frozen=True)
class ProofWithdrawn(Event):
    """The document recorded proves nothing any more."""


@dataclass(frozen=True)
class InformationRecorded(Event):
    """The patient was informed for this episode.

    Args:
        feeding: PAM-FR ZFA-9: `INO` informed, not opposed; `IO` informed, opposed; `NA` not collected.
        accession: The episode's exam, or empty.
        consultation: ZFA-11: `IC`, `INC`, `NA`, or empty for not asked.
    """

    feeding: str
    accession: str = ""
    consultation: str = ""


@dataclass(frozen=True)
class AttributeSet(Event):
    """The identity was marked `homonyme`, `douteuse` or `fictive`."""

    attribute: str


@dataclass(frozen=True)
class AttributeCleared(Event):
    """A mark was taken off."""

    attribute: str


@dataclass(frozen=True)
class StrictTraitEdited(Event):
    """Birth names, date, sex or place were corrected, at the desk or by another system."""

    change: TraitsChange


@dataclass(frozen=True)
class ComplementaryTraitEdited(Event):
    """Used names or the telephone were changed; the status stands."""

    change: TraitsChange


@dataclass(frozen=True)
class VerificationFailed(Event):
    """Another check than ours contradicted the INS.

    Args:
        reason: Code.
    """

    reason: str


@dataclass(frozen=True)
class VitaleApplicationRead(Event):
    """The identity came from the patient's Appli carte Vitale (QR or NFC): retrieved and proven at once (RNIV v2.0, 4.3.4).

    Args:
        found: What the application gave.
    """

    found: InsiFound


IdentityEvent = (
    InsiAnswered
    | InsiFailed
    | InsiAccepted
    | InsiDeclined
    | DocumentRecorded
    | ProofWithdrawn
    | InformationRecorded
    | AttributeSet
    | AttributeCleared
    | StrictTraitEdited
    | ComplementaryTraitEdited
    | VerificationFailed
    | VitaleApplicationRead
)
