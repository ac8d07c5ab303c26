"""Let a session do an action at a site, or hide the object; a refusal is audited."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from ris.application.access.ports import AccessServices
from ris.application.access.record_audit import record_audit
from ris.domain.access import policy
from ris.domain.access.audit import Visit
from ris.domain.access.session import Session
from ris.domain.errors import NotAllowed


def authorise(s: AccessServices, session: Session, visit: Visit, *, now: datetime, sites: Collection[str] = ()) -> str:
    """Return the role that allows the visit's action.

    Args:
        visit: The action, the object, and its site.
        sites: For what several sites share (a patient): a role at one of them is enough.

    Raises:
        NotAllowed: `unknown_object`: answered exactly as an object that does not exist.
    """
    try:
        return policy.authorise_any(session, visit.action, sites or (visit.site,))[1]
    except NotAllowed as refusal:
        record_audit(s, session, visit, result="refused", code=refusal.code, now=now)
        raise
