"""Find the session a request belongs to."""

from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import datetime, timedelta

from ris.application.access.begin_login import fingerprint
from ris.application.access.ports import AccessServices
from ris.application.access.record_audit import record_audit
from ris.domain.access.audit import Visit
from ris.domain.access.session import Session
from ris.domain.errors import NotAllowed

_TOUCH_EVERY = timedelta(minutes=1)


def session_of(s: AccessServices, token: str, visit: Visit, *, now: datetime, active: bool = True) -> Session:
    """Return the open session of a cookie's value, with the roles its account holds now; a refusal is audited.

    Args:
        token: Value of the session cookie, empty when there was none.
        visit: What the request wants, for the record of a refusal.
        active: Whether a person acted. What a page asks by itself does not keep an unattended session from being locked.

    Raises:
        NotAllowed: `no_session`, `session_expired`, `session_idle` or `account_closed`: HTTP 401.
    """
    session = s.sessions.get(fingerprint(token)) if token else None
    if session is None:
        record_audit(s, None, visit, result="refused", code="no_session", now=now)
        raise NotAllowed("no_session")
    account = s.accounts.get(session.account_id)
    reason = session.end_reason(now, s.limits.idle) or ("" if account and any(account.roles.values()) else "account_closed")
    if reason or account is None:
        s.sessions.delete(session.session_id)
        record_audit(s, session, visit, result="refused", code=reason, now=now)
        raise NotAllowed(reason)
    if active and now - session.last_seen_at >= _TOUCH_EVERY:
        s.sessions.touch(session.session_id, now)
        session = replace(session, last_seen_at=now)
    return replace(session, name=account.name, roles=account.roles, rights=account.rights)


def check_csrf(session: Session, given: str) -> None:
    """Refuse a request that changes something without the session's own token.

    Raises:
        NotAllowed: `csrf`.
    """
    if not given.isascii() or not hmac.compare_digest(session.csrf_token, given):
        raise NotAllowed("csrf")
