"""The policy table, executed: action by role by site, against a copy of it written down here by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ris.domain.access import policy
from ris.domain.access.policy import POLICY, Rule
from ris.domain.access.session import RIGHTS, ROLES
from ris.domain.errors import NotAllowed
from tests.support.access import a_session

#               receptionist radiographer secretary radiologist identity_cell it finance auditor
TABLE = """
read_home              x            x           x         x           x         x     x       x
read_agenda            x            x           x         x           -         -     -       -
read_requests          x            -           x         x           -         -     -       -
book_appointment       x            -           x         -           -         -     -       -
cancel_exam            x            -           x         x           -         -     -       -
read_desk              x            x           x         -           -         -     -       -
move_exam              x            x           x         -           -         -     -       -
check_in               x            x           x         -           -         -     -       -
call_in                x            x           x         x           -         -     -       -
call_patients          x            x           x         -           -         -     -       -
read_machines          x            x           x         x           -         x     -       -
declare_outage         x            x           x         -           -         -     -       -
read_worklist          x            x           x         x           -         -     -       -
read_exam              x            x           x         x           x         -     -       -
read_patient           x            x           x         x           x         -     -       -
search_patients        x            x           x         x           x         -     -       -
create_patient         x            -           x         -           -         -     -       -
read_parked            -            -           -         -           x         x     -       -
replay_parked          -            -           -         -           x         x     -       -
dismiss_parked         -            -           -         -           x         x     -       -
read_mpps_unscheduled  -            x           -         x           x         -     -       -
settle_mpps            -            x           -         x           x         -     -       -
query_insi             x            -           x         -           x         -     -       -
qualify_identity       x            -           x         -           x         -     -       -
reveal_ins             x            -           x         -           x         -     -       -
record_information     x            x           x         -           x         -     -       -
mark_identity          x            -           x         -           x         -     -       -
clear_identity_mark    -            -           -         -           x         -     -       -
edit_traits            x            -           x         -           x         -     -       -
read_report            -            -           x         x           -         -     -       -
edit_report            -            -           x         x           -         -     -       -
validate_report        -            -           -         x           -         -     -       -
take_report            -            -           -         x           -         -     -       -
read_own_reports       -            -           -         x           -         -     -       -
read_secretariat       -            -           x         -           -         -     -       -
read_letters           -            -           x         x           -         -     -       -
read_usage             -            -           -         -           -         -     x       -
count_usage            -            -           -         -           -         -     x       -
release_announcement   -            -           -         x           -         -     -       -
withhold_report        -            -           -         x           -         -     -       -
delete_report          -            -           -         x           -         -     -       -
retry_delivery         -            -           x         x           -         x     -       -
print_report           x            -           x         x           -         -     -       -
record_refusal         x            x           x         x           x         -     -       -
read_cockpit           -            -           -         -           -         x     -       -
settle_delivery        -            -           -         -           -         x     -       -
read_strange_answers   -            -           -         -           -         x     -       -
read_audit             -            -           -         -           -         -     -       x
export_audit           -            -           -         -           -         -     -       x
verify_audit           -            -           -         -           -         -     -       x
"""
EXPECTED = {words[0]: dict(zip(ROLES, words[1:], strict=True)) for words in map(str.split, TABLE.strip().splitlines())}
RIGHTS_OF = {
    "query_insi": "query_insi",
    "qualify_identity": "qualify_ins",
    "reveal_ins": "qualify_ins",
    "clear_identity_mark": "qualify_ins",
}
CELLS = [(action, role, mark == "x") for action, row in EXPECTED.items() for role, mark in row.items()]


def test_the_table_holds_these_actions_and_no_other() -> None:
    assert set(POLICY) == set(EXPECTED)
    assert all(rule.roles <= set(ROLES) and rule.rights <= set(RIGHTS) for rule in POLICY.values())


@pytest.mark.parametrize(("action", "role", "allowed"), CELLS)
def test_a_role_may_do_what_the_table_says_at_its_own_site_and_nothing_at_another(action: str, role: str, allowed: bool) -> None:
    session = replace(a_session(nord=role), rights=frozenset(RIGHTS))

    assert policy.allows(session, action, "nord") is allowed
    for elsewhere in ("sud", "est", "", "-", "NORD", "nord ", "*"):
        assert not policy.allows(session, action, elsewhere)


@pytest.mark.segur("INS.05", "INS.06")
@pytest.mark.parametrize("action", sorted(EXPECTED))
def test_the_right_is_needed_beside_the_role_where_there_is_one(action: str) -> None:
    everybody = a_session(nord=" ".join(ROLES))
    others = replace(everybody, rights=frozenset(RIGHTS) - {RIGHTS_OF.get(action, "")})

    assert POLICY[action].rights == ({RIGHTS_OF[action]} if action in RIGHTS_OF else set())
    assert policy.allows(everybody, action, "nord") is policy.allows(others, action, "nord") is (action not in RIGHTS_OF)


@pytest.mark.parametrize("action", sorted(EXPECTED))
def test_nobody_without_a_role_may_do_anything(action: str) -> None:
    for session in (a_session(), a_session(nord=""), a_session(nord="admin *")):
        assert not policy.allows(session, action, "nord")
        with pytest.raises(NotAllowed, match="unknown_object"):
            policy.authorise(session, action, "nord")


@pytest.mark.parametrize("action", ["", "delete_everything", "READ_AGENDA", "read_agenda ", "*"])
def test_an_action_that_is_not_in_the_table_is_refused_to_all_roles_together(action: str) -> None:
    assert not policy.allows(a_session(nord=" ".join(ROLES)), action, "nord")


def test_roles_of_two_sites_are_not_added_up() -> None:
    session = a_session(nord="radiographer", sud="receptionist")

    assert policy.sites_allowed(session, "book_appointment") == ("sud",)
    assert policy.sites_allowed(session, "read_agenda") == ("nord", "sud")


def test_the_role_that_allows_is_named() -> None:
    session = a_session(nord="auditor radiologist")

    assert policy.authorise(session, "read_exam", "nord") == "radiologist"


def test_what_several_sites_share_needs_a_role_at_one_of_them() -> None:
    session = a_session(sud="secretary")

    assert policy.authorise_any(session, "read_patient", {"nord", "sud"}) == ("sud", "secretary")
    for sites in ({"nord", "est"}, set[str]()):
        with pytest.raises(NotAllowed, match="unknown_object"):
            policy.authorise_any(session, "read_patient", sites)


def test_a_right_is_asked_beside_the_role(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = Rule(frozenset({"identity_cell"}), frozenset({"qualify_ins"}))
    monkeypatch.setattr(policy, "POLICY", {"qualify": rule})
    session = a_session(nord="identity_cell")

    assert not policy.allows(session, "qualify", "nord")
    assert policy.allows(replace(session, rights=frozenset({"qualify_ins"})), "qualify", "nord")
    assert not policy.allows(replace(a_session(nord="it"), rights=frozenset(RIGHTS)), "qualify", "nord")


def test_the_table_cannot_be_changed_while_it_runs() -> None:
    with pytest.raises(TypeError):
        POLICY["read_agenda"] = Rule(frozenset(ROLES))  # type: ignore[index]
