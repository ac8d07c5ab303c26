"""The operator's list: why a message waits, replay once the cause is gone, dismissal with a name."""

import pytest

from ris.application.agenda.apply_hl7 import ReceivedMessage, apply_hl7
from ris.application.agenda.messages import MessageState
from tests.support.portal import NORD, PortalHouse

ORDER = "\r".join(
    (
        "MSH|^~\\&|HIS|CHU|RIS|NORD|20261126080000||ORM^O01^ORM_O01|ORD1|P|2.5.1|||||FRA|UNICODE UTF-8",
        f"PID|1||700001^^^CHU&{NORD}&ISO^PI||ADRUN^ZOE^^^^^L||19750612|F",
        "ORC|CA|PLACER-404^CHU^1.2.3^ISO",
        "OBR|1|PLACER-404^CHU^1.2.3^ISO||ZBQK001^Scanner du thorax^CCAM",
    )
).encode()


@pytest.fixture
def house():
    made = PortalHouse()
    made.patient()
    parked = apply_hl7(made.services.intake(), ReceivedMessage("nord", made.now, "UNICODE UTF-8", frame=ORDER + b"\r"), made.now)
    assert MessageState.PARKED is parked.entry.state
    return made


@pytest.fixture
def operator(house):
    return house.browser("identito.nord")


def _only(page):
    (found,) = page.attributes("data-message")
    return found


def test_the_list_names_reason_segment_and_field(operator):
    page = operator.get("/sites/nord/messages")

    assert ["unknown_placer_number"] == page.attributes("data-reason")
    assert ["ORC(1)-2"] == page.attributes("data-field")
    assert "Ce numéro de demande n’est pas connu." in page.text
    assert ["ORD1"] == page.attributes("data-control-id")


def test_the_message_is_shown_as_it_was_sent(operator):
    entry = _only(operator.get("/sites/nord/messages"))

    page = operator.get(f"/sites/nord/messages/{entry}")

    assert "ORC|CA|PLACER-404^CHU^1.2.3^ISO" in page.text
    assert "Rejouer le message" in page.text
    assert "n’attendent pas celui-ci" in page.text


def test_a_replay_before_the_cause_is_gone_stays_on_the_list_and_says_why(house, operator):
    entry = _only(operator.get("/sites/nord/messages"))

    page = operator.follow(operator.post(f"/sites/nord/messages/{entry}/replay"))

    assert ["parked"] == page.attributes("data-state")
    assert ["unknown_placer_number"] == page.attributes("data-reason")


def test_a_replay_after_the_cause_is_gone_applies_the_message_and_clears_the_list(house, operator):
    entry = _only(operator.get("/sites/nord/messages"))
    new = ORDER.replace(b"ORC|CA", b"ORC|NW").replace(b"ORD1", b"ORD0")
    apply_hl7(house.services.intake(), ReceivedMessage("nord", house.now, "UNICODE UTF-8", frame=new + b"\r"), house.now)

    page = operator.follow(operator.post(f"/sites/nord/messages/{entry}/replay"))

    assert ["applied"] == page.attributes("data-state")
    assert "Rejouer le message" not in page.text
    assert [] == operator.get("/sites/nord/messages").attributes("data-message")
    again = operator.post(f"/sites/nord/messages/{entry}/replay")
    assert [409, ["not_on_the_list"]] == [again.status, again.attributes("data-problem")]


def test_a_dismissed_message_is_kept_with_who_did_it(house, operator):
    entry = _only(operator.get("/sites/nord/messages"))

    page = operator.follow(operator.post(f"/sites/nord/messages/{entry}/dismiss"))

    assert [] == page.attributes("data-message")
    kept = operator.get(f"/sites/nord/messages/{entry}")
    assert ["dismissed"] == kept.attributes("data-state")
    assert "identito.nord" in kept.text
    assert 409 == operator.post(f"/sites/nord/messages/{entry}/dismiss").status


def test_a_receptionist_does_not_see_the_list(house):
    assert 404 == house.browser("accueil.nord").get("/sites/nord/messages").status
