"""What the desk sees, and what another system's message does to an identity with an INS."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from ris.adapters.agenda.hl7_inbound import Hl7MessageReader
from ris.application.identity.sweep_identity import sweep_identity
from ris.application.identity.update_patient import update_patient
from ris.application.identity.views import identity_panel
from ris.domain.identity.patient import Patient
from tests.support.agenda import GROUP
from tests.support.hl7 import adt
from tests.support.identity import ZOE, ZOE_INS, Desk, triggers, zoe


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.patients.save(zoe())
    return desk


def announce(desk: Desk, name: str, **fields: str) -> Patient | None:
    said = Hl7MessageReader().read(adt(ipp="IPP-1", pid_5=name, **fields), "UNICODE UTF-8", GROUP.sites[0]).patient
    return update_patient(desk.patients, said, site="nord", new_id=lambda: "never", now=desk.later(minutes=1))


@pytest.mark.segur("INS.13", "INS.14")
def test_typed_and_returned_traits_stand_side_by_side_while_an_answer_waits(desk: Desk) -> None:
    desk.insi.people = [replace(ZOE, birth_given_all="ZOE MARIE")]
    desk.patients.save(replace(desk.patient(), traits=replace(desk.patient().traits, birth_given_all="ZOE ANNE")))
    desk.ask()

    panel = identity_panel(desk.applying, "p-1")

    assert panel is not None
    assert [("birth_given_all", "ZOE ANNE", "ZOE MARIE")] == [(p.name, p.typed, p.returned) for p in panel.pairs if p.differs]
    assert ("birth_place_insee", "", "63220", False) == (
        (place := panel.pairs[-1]).name, place.typed, place.returned, place.differs
    )  # fmt: skip
    assert (False, False, False) == (panel.locked, panel.blocked, panel.may_ask)
    assert None is identity_panel(desk.applying, "nobody")


@pytest.mark.segur("INS.26", "INS.51")
def test_the_history_and_the_partners_told_are_there(desk: Desk) -> None:
    desk.qualify()

    panel = identity_panel(desk.applying, "p-1")

    assert panel is not None
    assert (["QUAL", "RECUP"], ["p-1.nord.2", "p-1.nord.1"], (), True) == (
        [line.after.value for line in panel.history], [row.owner for row in panel.deliveries], panel.pairs, panel.locked
    )  # fmt: skip


@pytest.mark.segur("INS.29", "INS.30", "INS.31")
@pytest.mark.parametrize("name", ["Adrun^Zoé^^^^^L", "ADRUN^ZOE^^^^^L", "ADRUN^ZOE^ZOE^^^^L", "ADRUN^^^^^^L"])
def test_a_message_that_repeats_or_says_less_changes_nothing_of_a_qualified_identity(desk: Desk, name: str) -> None:
    before = desk.qualify()

    after = announce(desk, name)

    assert after is not None
    assert (before.traits, before.ins, before.status) == (after.traits, after.ins, after.status)


@pytest.mark.segur("INS.32", "INS.33", "INS.34", "INS.35", "INS.36")
@pytest.mark.parametrize("fields", [{"pid_7": "19751230"}, {"pid_8": "M"}, {"pid_11": "^^^^^^BDL^^75056"}])
def test_a_message_with_another_strict_trait_takes_the_ins_away_and_the_sweep_tells_the_pacs(
    desk: Desk, fields: dict[str, str]
) -> None:
    desk.qualify()

    after = announce(desk, "ADRUN^ZOE^^^^^L", **fields)

    assert after is not None
    assert ("VALI", None) == (after.status.value, after.ins)
    assert [("QUAL", "VALI", "hl7")] == [
        (line.before.value, line.after.value, line.by) for line in desk.patients.history("p-1", limit=1)
    ]
    sweep_identity(desk.record, desk.applying, "nord", desk.later(minutes=4))
    (row,) = [row for row in desk.deliveries.due("nord", now=desk.now + timedelta(hours=1), limit=9) if row.attempts == 0]
    from ris.application.dispatch.send_hl7 import send_again

    send_again(desk.sending, row, desk.now)
    assert "A47" == triggers(desk.sent())[-1]
    assert ZOE_INS.matricule in desk.sent()[-1].split("MRG|")[1]


def test_the_list_of_given_names_that_another_system_shortens_is_kept_and_the_used_name_changes(desk: Desk) -> None:
    desk.insi.people = [replace(ZOE, birth_given_all="ZOE MARIE")]
    desk.qualify()

    after = announce(desk, "ADRUN^ZOE^ZOE^^^^L~DURAND^ZOE^^^^^D")

    assert after is not None
    assert ("QUAL", "ZOE MARIE", "DURAND") == (after.status.value, after.traits.birth_given_all, after.traits.used_family)
