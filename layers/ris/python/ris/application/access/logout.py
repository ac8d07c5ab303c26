"""End a session, here and at its provider."""

from __future__ import annotations

from datetime import datetime

from ris.application.access.begin_login import fingerprint
from ris.application.access.ports import AccessServices
from ris.application.access.record_audit import record_audit
from ris.domain.access.audit import Visit


def logout(s: AccessServices, token: str, *, post_logout_redirect_uri: str, now: datetime, source_ip: str = "") -> str:
    """Delete the session and return the address the browser goes to.

    Args:
        token: Value of the session cookie; an unknown one ends nothing and is no error.
        post_logout_redirect_uri: Our own page, as declared to the provider.

    Returns:
        The provider's end-of-session address, or our own page when there is none to go to.
    """
    session = s.sessions.delete(fingerprint(token)) if token else None
    if session is None:
        return post_logout_redirect_uri
    record_audit(s, session, Visit("logout", source_ip=source_ip), result="allowed", now=now)
    door = s.providers.get(session.provider)
    if door is None:
        return post_logout_redirect_uri
    url = door.logout_url(id_token=session.id_token, post_logout_redirect_uri=post_logout_redirect_uri)
    return url or post_logout_redirect_uri
