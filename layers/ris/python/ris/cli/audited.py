"""What an operator does at the command line, kept in the audit trail."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from ris.domain.errors import RisError

Done = TypeVar("Done")


def operator() -> str:
    """Return the name under which whoever is logged in on this machine stands in the audit trail."""
    return f"operator:{getpass.getuser()}"


def audited(action: str, site: str, what: str, act: Callable[[], Done], now: datetime) -> Done:
    """Do it in the operator's name, and keep a record of it whatever comes out.

    Args:
        action: As `ris.portal.french_audit` names it.
        site: Empty when it concerns all of the group.
        what: On which object.
        act: Does it.
        now: Aware UTC instant.

    Raises:
        RisError: Whatever the act raises, once it is recorded as refused.
    """
    try:
        done = act()
    except RisError as error:
        recorded(action, site, what, now, code=error.code)
        raise
    recorded(action, site, what, now)
    return done


def recorded(action: str, site: str, what: str, now: datetime, *, patient: str = "", code: str = "") -> None:
    """Keep a record of an act: allowed, or refused with a code."""
    from ris.application.access.record_audit import record_audit
    from ris.bootstrap.access import access_services
    from ris.domain.access.audit import Visit

    visit = Visit(action, site, what, "command line", patient)
    result = "refused" if code else "allowed"
    record_audit(access_services(), None, visit, result=result, code=code, now=now, account_id=operator())
