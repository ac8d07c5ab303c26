"""Memory twins of the session store, the audit trail (safe under threads) and the certificates' vault."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ris.adapters.dynamodb import instant_text
from ris.application.access.begin_login import fingerprint
from ris.application.conflicts import Conflict
from ris.domain.access.audit import AuditBy, AuditRecord
from ris.domain.access.certificates import HeldCertificate
from ris.domain.access.kept import KeptForm
from ris.domain.access.session import PendingLogin, Session


class MemorySessionStore:
    """Port `SessionStore`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._logins: dict[str, PendingLogin] = {}
        self._writers: dict[str, str] = {}
        self._forms: dict[tuple[str, str], KeptForm] = {}

    def create(self, session: Session) -> None:
        """Write a new session; raise Conflict when another has its id."""
        with self._lock:
            if self._sessions.setdefault(session.session_id, session) != session:
                raise Conflict
            self._writers[fingerprint(session.csrf_token)] = session.account_id

    def get(self, session_id: str) -> Session | None:
        """Return the session, or None."""
        return self._sessions.get(session_id)

    def touch(self, session_id: str, seen_at: datetime) -> None:
        """Move `last_seen_at` forward, never back; nothing happens when the session is gone."""
        with self._lock:
            session = self._sessions.get(session_id)
            if session and session.last_seen_at < seen_at:
                self._sessions[session_id] = replace(session, last_seen_at=seen_at)

    def delete(self, session_id: str) -> Session | None:
        """Remove the session and return what it was, or None."""
        with self._lock:
            return self._sessions.pop(session_id, None)

    def begin(self, login: PendingLogin) -> None:
        """Write a pending login; raise Conflict when another has its state."""
        with self._lock:
            if self._logins.setdefault(login.state_id, login) != login:
                raise Conflict

    def consume(self, state_id: str) -> PendingLogin | None:
        """Remove the pending login and return it, to exactly one caller."""
        with self._lock:
            return self._logins.pop(state_id, None)

    def writer_of(self, token_id: str) -> str:
        """Return the account whose session gave out the token, or an empty text."""
        return self._writers.get(token_id, "")

    def keep_form(self, form: KeptForm) -> None:
        """Write a form over the one kept before."""
        self._forms[form.account_id, form.place] = form

    def kept_form(self, account_id: str, place: str) -> KeptForm | None:
        """Return the form kept for that account and page, or None."""
        return self._forms.get((account_id, place))

    def drop_form(self, account_id: str, place: str) -> None:
        """Remove it, if it is there."""
        self._forms.pop((account_id, place), None)


class MemoryAuditTrail:
    """Port `AuditTrail`; `records` is in the order of appending."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.records: list[AuditRecord] = []

    def append(self, record: AuditRecord) -> None:
        """Write one record; raise Conflict when another has its key."""
        with self._lock:
            twins = (kept for kept in self.records if kept.audit_id == record.audit_id)
            kept = next((twin for twin in twins if _key(twin) == _key(record)), None)
            if kept is None:
                self.records.append(record)
            elif kept != record:
                raise Conflict

    def of_day(self, site: str, day: str, *, limit: int, after: str = "") -> list[AuditRecord]:
        """Return records of a site and UTC day in time order, from the one after the cursor."""
        found = sorted((r for r in self.records if (r.site, r.day) == (site, day)), key=_order)
        return [record for record in found if _order(record) > after][:limit]

    def newest(
        self, site: str, by: AuditBy, value: str, *, limit: int, since: str = "", until: str = "", after: str = ""
    ) -> list[AuditRecord]:
        """Return records of a site on one list, the newest first."""
        listed = [r for r in self.records if r.site == site and value == (r.day if by is AuditBy.DAY else r.listed().get(by))]
        found = sorted((r for r in listed if since <= _order(r) < (until or "9")), key=_order, reverse=True)
        return [record for record in found if not after or _order(record) < after][:limit]


class MemoryCertificateVault:
    """Port `CertificateVault`; `held` by name."""

    def __init__(self, held: dict[str, Sequence[HeldCertificate]] | None = None) -> None:
        self.held = held or {}

    def certificates(self, name: str) -> Sequence[HeldCertificate]:
        """Return the certificates of one secret."""
        return self.held.get(name, ())


def _order(record: AuditRecord) -> str:
    return f"{instant_text(record.instant)}#{record.audit_id}"


def _key(record: AuditRecord) -> tuple[str, str]:
    return record.site, _order(record)
