"""What is asked of INSi, what it answers, and what a patient's row keeps of the last answer.

The raw bytes of every answer are kept beside the row; here stands what was read of them, as received.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from ris.domain.identity.ins import Ins


@dataclass(frozen=True)
class InsiQuery:
    """One search by traits; every value upper case, without accents.

    Args:
        birth_date: `YYYY-MM-DD`.
        birth_place_insee: Empty when not sent.
    """

    birth_family: str
    birth_given: str
    sex: str
    birth_date: str
    birth_place_insee: str = ""


@dataclass(frozen=True)
class InsiFound:
    """The identity of an answer 00, as received.

    Args:
        history: Former matricules, as received.
    """

    ins: Ins
    birth_family: str
    birth_given: str
    birth_given_all: str
    sex: str
    birth_date: str
    birth_place_insee: str
    history: tuple[Ins, ...] = ()


@dataclass(frozen=True)
class InsiAnswer:
    """Code `00` one identity, `01` none, `02` several; `found` with 00 only.

    Args:
        raw: The answer's bytes, kept unaltered.
    """

    code: str
    found: InsiFound | None = None
    raw: bytes = b""


class InsiState(Enum):
    """What became of the last question.

    `PENDING` waits for a person, `ACCEPTED` and `DECLINED` were decided, `REFUSED` is an answer that cannot be taken (INS.15-16),
    `NOT_FOUND` is 01 or 02, `FAILED` no answer, `NOT_CONFIRMED` a verification that contradicted the INS we had.
    """

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    REFUSED = "refused"
    NOT_FOUND = "not_found"
    FAILED = "failed"
    NOT_CONFIRMED = "not_confirmed"


@dataclass(frozen=True)
class InsiRecord:
    """The last question to INSi, on the patient's row.

    Args:
        state: What became of it.
        asked_at: Instant of the question; it names the answer that a person accepts or declines.
        code: `00`, `01`, `02`, or empty when no answer came.
        found: With 00: as received, to be shown beside the local traits.
        reason: Code that says why it is not simply accepted: a trait that differs, a refusal of INS.15-16, INSi's own fault code.
        differences: Names of the strict traits that differ from what was typed.
        decided_by: Account that accepted or declined, or `automatic`.
    """

    state: InsiState
    asked_at: datetime
    code: str = ""
    found: InsiFound | None = None
    reason: str = ""
    differences: tuple[str, ...] = ()
    decided_by: str = ""


@dataclass(frozen=True)
class Proof:
    """The last identity document recorded at the desk.

    Args:
        code: PAM-FR ZFD-7: `CN`, `PA`, `CS` …
        expires: ZFD-8 as `YYYYMMDD`, or empty.
        high_trust: Whether the site's list gave it high trust when it was recorded.
    """

    code: str
    recorded_at: datetime
    recorded_by: str
    expires: str = ""
    high_trust: bool = True
