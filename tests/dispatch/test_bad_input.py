"""What nobody should send and somebody does: a row says so, the other recipients get theirs, and no address is shown in anybody's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris.adapters.dispatch.directory import MemoryDirectory
from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.adapters.dispatch.mss.mail import XdmMailWriter
from ris.application.dispatch.apply_zam import BusinessAcknowledgement, apply_zam
from ris.application.dispatch.mail_port import DirectoryMailbox, Letter, Mailbox, Receipt, ReportDocuments
from ris.domain.dispatch.channels import DMP, HL7_REPORT, MSS_PATIENT, MSS_PROFESSIONAL
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.dispatch.mail_codes import shown_words
from ris.domain.report.marks import Marks, Reason
from ris.domain.report.version import CDA, PDF
from tests.support.frozen_reports import a_frozen_report
from tests.support.letters import ADDRESS, REQUESTER, Letters, a_site

INS = "275126322074974@patient.mssante.fr"


@pytest.mark.parametrize(
    "address", ["dr@x.example\r\nBcc: all@x.example", "dr@x.example\n", "dr@x.example,all@x.example", '"a b"@x.example', "dr@x", ""]
)
def test_an_address_that_is_none_stops_its_own_row_alone(address: str) -> None:
    settings = DmpSettings("", "x", "1", "", "1.2", class_code="31", class_label="x", content_type_scheme="1.2")
    world = Letters(directory=MemoryDirectory(DirectoryMailbox(address, "PER", REQUESTER)))
    real = XdmMailWriter(settings)

    class Writer:
        def write(self, documents: ReportDocuments, letter: Letter, mailbox: Mailbox, *, sent_at: object) -> bytes:
            given = ReportDocuments(a_frozen_report(), Reason.VALIDATION, Marks(), {CDA: b"<x/>", PDF: b"%PDF-"})
            return real.write(given, letter, mailbox, sent_at=world.now)

    world.mail = type(world.mail)(**{**vars(world.mail), "writer": Writer()})
    world.validate()

    world.dispatch()

    row = world.of(MSS_PROFESSIONAL)
    if address:
        assert (row.state, row.reason) == (DeliveryState.REJECTED, "address_malformed")
    else:
        assert (row.state, row.reason) == (DeliveryState.HELD, "to_print")
    assert [mail.recipient for mail in world.operator.taken] == [INS]
    assert world.of(DMP).state is DeliveryState.DELIVERED
    assert world.of(HL7_REPORT, "HIS").reason == "handed_over"


@pytest.mark.parametrize("size", [10 * 1024 * 1024 + 1, 26 * 1024 * 1024])
def test_a_report_too_big_for_a_mail_goes_every_other_way(size: int) -> None:
    world = Letters()
    world.writer.size = size
    world.validate()

    world.dispatch()

    assert (world.of(MSS_PROFESSIONAL).state, world.of(MSS_PROFESSIONAL).reason) == (DeliveryState.REJECTED, "too_big")
    patient = world.of(MSS_PATIENT)
    assert (patient.state is DeliveryState.REJECTED) == (size > 25 * 1024 * 1024)
    assert len(world.operator.taken) == (0 if size > 25 * 1024 * 1024 else 1)
    assert world.of(DMP).state is DeliveryState.DELIVERED
    assert {destination for destination, _, _ in world.gate.sent} == {"HIS", "PACS"}


def test_a_bounce_that_names_the_address_shows_neither_an_ins_nor_a_red_listed_mailbox() -> None:
    world = Letters()
    world.validate()
    world.dispatch()
    for channel, address in ((MSS_PATIENT, INS), (MSS_PROFESSIONAL, ADDRESS[REQUESTER])):
        number = world.of(channel).message_id
        world.inbox.add(
            Receipt("failed", envelope_id=number, recipient=address, code="5.1.1", words=f"550 5.1.1 <{address}>: unknown")
        )

    world.read_mailbox()

    for channel in (MSS_PATIENT, MSS_PROFESSIONAL):
        row = world.of(channel)
        assert (row.state, row.remote_words) == (DeliveryState.REJECTED, "550 5.1.1 <(adresse)>: unknown")


def test_an_operators_refusal_and_a_platforms_show_none_either() -> None:
    world = Letters()
    world.operator.script = ["recipient_unknown", "recipient_unknown"]
    world.operator.words = f"5.1.1 no such user {INS}"
    world.validate()
    world.dispatch()
    platform = Letters(site=a_site(who_sends="platform"))
    platform.validate()
    platform.dispatch()
    said = BusinessAcknowledgement("Z02", platform.of(HL7_REPORT, "HIS").message_id, False, INS, "550", f"refused for {INS}")
    theirs = apply_zam(platform.deliveries, said, "nord", platform.now, platform.rules)

    assert world.of(MSS_PATIENT).remote_words == "5.1.1 no such user (adresse)"
    assert theirs.remote_words == "refused for (adresse)"


@given(st.text(max_size=60), st.sampled_from([INS, "red.list@medecin.mssante.example"]), st.text(max_size=700))
def test_whatever_stands_around_it_an_address_is_not_kept(before: str, address: str, after: str) -> None:
    kept = shown_words(f"{before} {address} {after}", 500)

    assert address not in kept
    assert len(kept) <= 500
