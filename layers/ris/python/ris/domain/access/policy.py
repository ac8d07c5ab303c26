"""Who may do what: one table, action by role, applied per site. Nothing else in the product decides it.

A row names the roles that may do the action *at a site where they hold the role*, and the rights it needs besides.
An action that is not in the table is refused to everybody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ris.domain.access.session import ROLES, Session
from ris.domain.errors import NotAllowed


@dataclass(frozen=True)
class Rule:
    """One row: any of the roles at the site, and all of the rights."""

    roles: frozenset[str]
    rights: frozenset[str] = frozenset()


def _roles(names: str, rights: str = "") -> Rule:
    return Rule(frozenset(names.split()), frozenset(rights.split()))


POLICY: Mapping[str, Rule] = MappingProxyType(
    {
        "read_home": Rule(frozenset(ROLES)),
        "read_agenda": _roles("receptionist radiographer secretary radiologist"),
        "read_requests": _roles("receptionist secretary radiologist"),
        "book_appointment": _roles("receptionist secretary"),
        "cancel_exam": _roles("receptionist secretary radiologist"),
        "read_desk": _roles("receptionist radiographer secretary"),
        "move_exam": _roles("receptionist radiographer secretary"),
        "check_in": _roles("receptionist radiographer secretary"),
        "call_in": _roles("receptionist radiographer secretary radiologist"),
        "call_patients": _roles("receptionist radiographer secretary"),
        "read_machines": _roles("receptionist radiographer secretary radiologist it"),
        "declare_outage": _roles("receptionist radiographer secretary"),
        "read_worklist": _roles("receptionist radiographer secretary radiologist"),
        "read_exam": _roles("receptionist radiographer secretary radiologist identity_cell"),
        "read_patient": _roles("receptionist radiographer secretary radiologist identity_cell"),
        "search_patients": _roles("receptionist radiographer secretary radiologist identity_cell"),
        "create_patient": _roles("receptionist secretary"),
        "read_parked": _roles("identity_cell it"),
        "replay_parked": _roles("identity_cell it"),
        "dismiss_parked": _roles("identity_cell it"),
        "read_mpps_unscheduled": _roles("radiographer radiologist identity_cell"),
        "settle_mpps": _roles("radiographer radiologist identity_cell"),
        # identity: INSi and the INS are rights beside the roles
        "query_insi": _roles("receptionist secretary identity_cell", "query_insi"),
        "qualify_identity": _roles("receptionist secretary identity_cell", "qualify_ins"),
        "reveal_ins": _roles("receptionist secretary identity_cell", "qualify_ins"),
        "record_information": _roles("receptionist radiographer secretary identity_cell"),
        "mark_identity": _roles("receptionist secretary identity_cell"),
        "clear_identity_mark": _roles("identity_cell", "qualify_ins"),
        "edit_traits": _roles("receptionist secretary identity_cell"),
        # reports
        "read_report": _roles("secretary radiologist"),
        "edit_report": _roles("secretary radiologist"),
        "validate_report": _roles("radiologist"),
        "take_report": _roles("radiologist"),
        "read_own_reports": _roles("radiologist"),
        "read_secretariat": _roles("secretary"),
        "read_letters": _roles("secretary radiologist"),
        "release_announcement": _roles("radiologist"),
        "withhold_report": _roles("radiologist"),
        "delete_report": _roles("radiologist"),
        # deliveries
        "retry_delivery": _roles("secretary radiologist it"),
        "print_report": _roles("receptionist secretary radiologist"),
        # the group's IT, and who looks at everybody's accesses
        "read_cockpit": _roles("it"),
        "settle_delivery": _roles("it"),
        "read_strange_answers": _roles("it"),
        "read_audit": _roles("auditor"),
        "export_audit": _roles("auditor"),
        "verify_audit": _roles("auditor"),
        "record_refusal": _roles("receptionist radiographer secretary radiologist identity_cell"),
        # figures
        "read_usage": _roles("finance"),
        "count_usage": _roles("finance"),
    }
)
"""The table. Rights of a person are those of `ris.domain.access.session.RIGHTS`; `correct_strict_traits` opens traits that are locked."""


def role_for(session: Session, action: str, site: str) -> str:
    """Return the role that allows the action at the site, or an empty string when nothing does."""
    rule = POLICY.get(action)
    if rule is None or not rule.rights <= session.rights:
        return ""
    held = session.roles.get(site, frozenset())
    return next((role for role in ROLES if role in held and role in rule.roles), "")


def allows(session: Session, action: str, site: str) -> bool:
    """Tell whether the session may do the action at the site."""
    return bool(role_for(session, action, site))


def sites_allowed(session: Session, action: str) -> tuple[str, ...]:
    """Return the sites where the session may do the action, in alphabetical order."""
    return tuple(site for site in session.sites if allows(session, action, site))


def authorise(session: Session, action: str, site: str) -> str:
    """Return the role that allows the action at the site.

    Raises:
        NotAllowed: `unknown_object`: nobody learns whether the object exists.
    """
    role = role_for(session, action, site)
    if not role:
        raise NotAllowed("unknown_object", detail=f"{action} at {site or 'no site'} is not allowed")
    return role


def authorise_any(session: Session, action: str, sites: Collection[str]) -> tuple[str, str]:
    """Return (site, role) of the first of these sites, in alphabetical order, where the action is allowed.

    For what several sites share (a patient): a role at one of them is enough.

    Raises:
        NotAllowed: `unknown_object`, when none of them allows it or there is none.
    """
    for site in sorted(sites):
        role = role_for(session, action, site)
        if role:
            return site, role
    raise NotAllowed("unknown_object", detail=f"{action} is not allowed at any site of the object")
