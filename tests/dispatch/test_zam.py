"""A platform's business acknowledgements: each closes its own row, on the message and on the recipient, in whatever order they come."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from ris.adapters.agenda.er7 import read
from ris.adapters.agenda.hl7_inbound import Hl7MessageReader
from ris.adapters.dispatch.hl7_zam import read_zam
from ris.application.dispatch.apply_zam import apply_zam
from ris.domain.dispatch.channels import HL7_REPORT, MSS_PATIENT, MSS_PROFESSIONAL
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.errors import InvalidInput
from tests.support.letters import ADDRESS, COPY, REQUESTER, Letters, a_site

OBX = {"Z01": "ACK_RECEPTION_DMP", "Z02": "ACK_RECEPTION_MSS", "Z03": "ACK_LECTURE_MSS"}
WHOM = {"Z02": "DESTINATAIRE_MSS", "Z03": "LECTEUR_MSS"}
PATIENT = "275126322074974@patient.mssante.fr"


def zam(
    event: str, message_id: str, *, yes: bool = True, address: str = "", error: str = "", system: str = "AckMetierZAM"
) -> bytes:
    """Return a ZAM as the guide has it."""
    lines = [
        f"MSH|^~\\&|PFI|nord|RIS|nord|20261126101500+0100||ZAM^{event}^ZAM_Z01|Z{event}1|P|2.6|||||FRA|UNICODE UTF-8|||2.1^CISIS_CDA_HL7_V2",
        f"OBX|1|CWE|{OBX[event]}^^{system}|{message_id}|{'Y' if yes else 'N'}^^expandedYes-NoIndicator||||||F",
    ]
    if event in WHOM:
        lines.append(f"OBX|2|XTN|{WHOM[event]}^^{system}||^^X.400^{address}||||||F")
    if error:
        lines.append(f"ERR|||207^Application error^messageErrorCondition|E|{error}")
    return "".join(line + "\r" for line in lines).encode()


@pytest.fixture
def world() -> Letters:
    made = Letters(site=a_site(who_sends="platform"))
    made.validate(professionals=(REQUESTER, COPY))
    made.dispatch()
    return made


def told(world: Letters, frame: bytes, site: str = "nord") -> Delivery:
    return apply_zam(world.deliveries, read_zam(read(frame, "UNICODE UTF-8")), site, world.now, world.rules)


def asked(world: Letters) -> str:
    return world.of(HL7_REPORT, "HIS").message_id


def test_one_message_asks_the_platform_and_nothing_of_ours_leaves_beside_it(world: Letters) -> None:
    (his,) = [frame for destination, _, frame in world.gate.sent if destination == "HIS"]
    text = his.decode()

    for flag in ("DESTDMP", "DESTMSSANTEPS", "DESTMSSANTEPAT", "ACK_RECEPTION", "ACK_LECTURE_MSS"):
        assert f"{flag}^^MetaDMPMSS||Y^^expandedYes-NoIndicator" in text
    assert {address for address in (*ADDRESS.values(), PATIENT) if f"^NET^X.400^{address}" in text} == {*ADDRESS.values(), PATIENT}
    (pacs,) = [frame for destination, _, frame in world.gate.sent if destination == "PACS"]
    assert b"DESTDMP^^MetaDMPMSS||N" in pacs
    assert (world.operator.taken, world.dmp.submissions) == ([], [])
    assert {row.state for row in world.deliveries.of_owner(his_owner(world)) if row.channel != HL7_REPORT} == {
        DeliveryState.DELEGATED
    }


def his_owner(world: Letters) -> str:
    return world.of(HL7_REPORT, "HIS").owner


def test_each_acknowledgement_closes_its_own_row_in_any_order() -> None:
    for order in itertools.permutations(range(4)):
        world = Letters(site=a_site(who_sends="platform"))
        world.validate(professionals=(REQUESTER, COPY))
        world.dispatch()
        frames = [
            zam("Z01", asked(world)),
            zam("Z02", asked(world), address=ADDRESS[REQUESTER]),
            zam("Z03", asked(world), address=ADDRESS[REQUESTER].upper()),
            zam("Z02", asked(world), address=PATIENT, system="AckMétierZAM"),
        ]
        for number in order:
            told(world, frames[number])
            told(world, frames[number])

        assert world.of("dmp").state is DeliveryState.DELIVERED
        requester = world.of(MSS_PROFESSIONAL, REQUESTER)
        assert (requester.state, requester.read_at is not None) == (DeliveryState.DELIVERED, True)
        assert world.of(MSS_PATIENT).state is DeliveryState.DELIVERED
        assert world.of(MSS_PROFESSIONAL, COPY).state is DeliveryState.DELEGATED
        assert sum(fact.value for fact in world.deliveries.facts) == 3


@pytest.mark.parametrize(
    ("event", "address", "error", "channel", "reason", "code"),
    [
        (
            "Z01",
            "",
            "XDSRegistryMetadataError^refused^DMP_ERROR_CODE",
            "dmp",
            "XDSRegistryMetadataError",
            "XDSRegistryMetadataError",
        ),
        ("Z02", PATIENT, "550^5.1.1 unknown^SMTPERRORCODE", MSS_PATIENT, "recipient_unknown", "550"),
        ("Z03", PATIENT, "902^unknown patient^applicationErrorCondition", MSS_PATIENT, "integration_902", "902"),
        ("Z03", PATIENT, "", MSS_PATIENT, "integration_906", ""),
    ],
)
def test_a_no_makes_its_row_rejected_with_the_code(
    world: Letters, event: str, address: str, error: str, channel: str, reason: str, code: str
) -> None:
    row = told(world, zam(event, asked(world), yes=False, address=address, error=error))

    assert row == world.of(channel)
    assert (row.state, row.reason, row.remote_code) == (DeliveryState.REJECTED, reason, code)
    assert world.of(MSS_PROFESSIONAL, REQUESTER).state is DeliveryState.DELEGATED


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (zam("Z01", "NOTHING"), "acknowledgement_of_nothing_sent"),
        (zam("Z02", "{id}", address="other@medecin.mssante.example"), "acknowledgement_of_another_recipient"),
        (zam("Z02", "{id}", address=""), "field_missing"),
        (zam("Z01", ""), "field_missing"),
        (zam("Z01", "{id}").replace(b"Y^^expanded", b"O^^expanded"), "field_malformed"),
        (zam("Z01", "{id}").replace(b"ZAM^Z01", b"ZAM^Z09"), "message_type_not_supported"),
        (zam("Z01", "{id}").replace(b"ACK_RECEPTION_DMP", b"ACK_OTHER"), "segment_missing"),
    ],
)
def test_what_it_does_not_fit_is_refused_with_its_field_and_moves_nothing(world: Letters, frame: bytes, code: str) -> None:
    before = world.deliveries.of_owner(his_owner(world))

    with pytest.raises(InvalidInput, match=code) as refused:
        told(world, frame.replace(b"{id}", asked(world).encode()))

    assert refused.value.field
    assert world.deliveries.of_owner(his_owner(world)) == before


def test_another_sites_platform_moves_nothing(world: Letters) -> None:
    with pytest.raises(InvalidInput, match="acknowledgement_of_nothing_sent"):
        told(world, zam("Z01", asked(world)), site="sud")


def test_what_we_send_ourselves_is_no_platforms_to_close() -> None:
    world = Letters()
    world.validate()
    world.dispatch()
    world.deliveries.save(replace(world.of(MSS_PROFESSIONAL), reason="x"))

    with pytest.raises(InvalidInput, match="acknowledgement_of_another_recipient"):
        told(world, zam("Z02", asked(world), yes=False, address=ADDRESS[REQUESTER]))


def test_a_yes_after_a_no_of_the_dmp_stands(world: Letters) -> None:
    told(world, zam("Z01", asked(world), yes=False, error="XDSRegistryBusy"))
    told(world, zam("Z01", asked(world)))
    told(world, zam("Z01", asked(world), yes=False, error="XDSRegistryBusy"))

    assert world.of("dmp").state is DeliveryState.DELIVERED


def test_intake_reads_it_as_an_answer_of_nobodys_patient() -> None:
    message = Hl7MessageReader().read(zam("Z01", "ABC"), "UNICODE UTF-8", a_site())

    assert message.patient is None
    assert message.answer is not None
    assert (message.answer.event, message.answer.message_id, message.header.message_type) == ("Z01", "ABC", "ZAM^Z01")
