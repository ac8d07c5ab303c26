"""What identity qualification needs of INSi."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from ris.domain.errors import RemoteRejected, RemoteUnavailable
from ris.domain.identity.insi import InsiAnswer as InsiAnswer
from ris.domain.identity.insi import InsiFound as InsiFound
from ris.domain.identity.insi import InsiQuery as InsiQuery


class InsiUnavailable(RemoteUnavailable):
    """No answer, or none that can be believed; `raw` holds the bytes that came, unaltered."""

    raw: bytes = b""


class InsiRejected(RemoteRejected):
    """A fault that somebody must repair; `raw` holds the bytes that came, unaltered."""

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
