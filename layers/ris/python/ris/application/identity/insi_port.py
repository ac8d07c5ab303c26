"""What identity qualification needs of INSi."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

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
        raw: The answer's bytes, kept unaltered.
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


class IdentityService(Protocol):
    """INSi, as one legal entity reaches it."""

    def search(self, query: InsiQuery, *, by_person: bool, now: datetime) -> InsiAnswer:
        """Search by traits.

        Args:
            by_person: A user asks (certificate INSI-MANU), else a machine does (INSI-AUTO).

        Raises:
            RemoteRejected: A configuration error, by INSi's own code (`desir_5xx`, `siram_100`): somebody must act.
            RemoteUnavailable: `insi_1xx`, `siram_40`, 503, no connection, or no believable answer: ask again later.
        """
