"""The operator's list: why a message waits, replay once the cause is gone, dismissal with a name."""

from datetime import timedelta

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


def several(house, count=4):
    """As many orders that cancel requests nobody knows yet, one after the other."""
    for number in range(1, count + 1):
        frame = ORDER.replace(b"ORD1", f"NR{number}".encode()).replace(b"PLACER-404", f"PLACER-{400 + number}".encode()) + b"\r"
        received = ReceivedMessage("nord", house.now + timedelta(minutes=number), "UNICODE UTF-8", frame=frame)
        apply_hl7(house.services.intake(), received, house.now)


def test_several_are_replayed_at_once_the_oldest_first_and_each_says_what_became_of_it(house, operator):
    several(house)
    new = ORDER.replace(b"ORC|CA", b"ORC|NW").replace(b"ORD1", b"ORD0").replace(b"PLACER-404", b"PLACER-402")
    apply_hl7(house.services.intake(), ReceivedMessage("nord", house.now, "UNICODE UTF-8", frame=new + b"\r"), house.now)
    listed = operator.get("/sites/nord/messages")
    chosen = dict(zip(listed.attributes("data-control-id"), listed.attributes("data-message"), strict=True))

    page = operator.post("/sites/nord/messages/replay", {"message-0": chosen["NR3"], "message-1": chosen["NR2"]})

    assert [chosen["NR2"], chosen["NR3"]] == page.attributes("data-message")
    assert ["applied", "parked"] == page.attributes("data-state")
    assert "1 sur 2 sont appliqués" in page.text
    assert "unknown_placer_number" in page.attributes("data-reason")
    assert chosen["NR2"] not in operator.get("/sites/nord/messages").attributes("data-message")
    kept = [record.object_id for record in house.audit.records if record.action == "replay_parked"]
    assert [chosen["NR2"], chosen["NR3"]] == kept


@pytest.mark.parametrize(("fields", "status"), [({}, 400), ({"message-0": "zz"}, 404), ({"message-0": "ab.cd"}, 404)])
def test_a_form_without_a_message_of_this_site_replays_nothing(house, operator, fields, status):
    entry = _only(operator.get("/sites/nord/messages"))

    assert status == operator.post("/sites/nord/messages/replay", {**fields, **({"message-1": entry} if fields else {})}).status
    assert MessageState.PARKED is house.ledger.get("nord", entry).state


def test_the_pages_of_a_long_list_follow_each_other(house, operator):
    several(house, 120)
    found, address = [], "/sites/nord/messages"

    while address:
        page = operator.get(address)
        found += page.attributes("data-control-id")
        address = next((each for each in page.attributes("href") if "after=" in each), "")

    assert ["ORD1", *(f"NR{number}" for number in range(1, 121))] == found
    assert 400 == operator.get("/sites/nord/messages?after=x").status
