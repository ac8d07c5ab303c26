"""The product's letters through the real doors: what we write is taken, what comes back is understood, what we read was not changed."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from infra.local.services.hospital_platform import Platform, PlatformDoors
from infra.local.services.mllp import FrameReader, framed
from infra.local.services.recorder import Recorder
from ris.adapters.agenda.er7 import read
from ris.adapters.dispatch.hl7_zam import read_zam
from ris.adapters.dispatch.mss.access import MailboxAccess, operator_of
from ris.adapters.dispatch.mss.imap import ImapMailboxes
from ris.adapters.dispatch.mss.receipts import read_receipts
from ris.adapters.dispatch.mss.smtp import SmtpOperator
from ris.application.dispatch.mail_port import Outgoing, Receipt
from ris.domain.errors import OutcomeUnknown, RemoteRejected, RemoteUnavailable
from tests.support.hl7_reports import EVERYBODY, a_report_message
from tests.support.mss import ABROAD, CLOSED, DOCTOR, MAILBOX, NUMBER, PASSWORD, PATIENT, Post, a_mail, a_mailbox, open_post
from tests.support.national import OTHER_STRUCTURE, Pki, control, make_pki
from tests.support.waiting import until


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def post(pki: Pki, tmp_path: Path) -> Iterator[Post]:
    opened = open_post(pki, tmp_path)
    yield opened
    opened.doors.close()


@dataclass(frozen=True)
class Access:
    """The access of the one site there is."""

    post: Post
    tls: ssl.SSLContext
    password: str = PASSWORD

    def access(self, _: str) -> MailboxAccess:
        operator = operator_of(self.post.doors.status["autoconfig"], self.post.pki.authority.chain_pem().decode(), 5)
        return MailboxAccess(a_mailbox(), self.password, self.tls, operator)


def submit(post: Post, recipient: str, access: Access | None = None, *, timeout_s: float = 10) -> None:
    given = access or Access(post, post.context())
    mail = Outgoing(MAILBOX, recipient, NUMBER, a_mail(recipient=recipient))
    SmtpOperator(given, timeout_s=timeout_s).submit("nord", mail)  # type: ignore[arg-type]


def receipts(post: Post, count: int) -> list[Receipt]:
    until(lambda: len(post.mails()) >= count)
    mailbox = ImapMailboxes(Access(post, post.context())).open("nord")  # type: ignore[arg-type]
    arrived = [mailbox.fetch(uid) for uid in mailbox.uids_after(0)]
    mailbox.close()
    return [one for mail in arrived if mail for one in read_receipts(mail.content)]


@pytest.mark.parametrize(
    ("recipient", "kinds"),
    [
        (DOCTOR, [("delivered", "2.0.0"), ("processed", "")]),
        (PATIENT, [("delivered", "2.0.0")]),
        (ABROAD, [("delivered", "2.0.0")]),
        (CLOSED, [("failed", "5.2.1")]),
    ],
)
def test_a_mail_is_taken_and_its_receipts_name_the_row(post: Post, recipient: str, kinds: list[tuple[str, str]]) -> None:
    submit(post, recipient)
    found = receipts(post, len(kinds))

    assert [(one.kind, one.code) for one in found] == kinds
    assert {one.message_id for one in found} == {"00112233-4455-6677-8899-aabbccddeeff@ope.mssante.fr"}
    assert {one.recipient for one in found} == {recipient}
    assert found[0].envelope_id == NUMBER
    assert post.evidence(1)["findings"] == []


@pytest.mark.parametrize(
    ("schedule", "raised"),
    [
        ({"data": [{"fault": "reply", "code": 451}]}, RemoteUnavailable),
        ({"rcpt": [{"fault": "reply", "code": 452}]}, RemoteUnavailable),
        ({"data": [{"fault": "reply", "code": 550, "text": "5.7.1 No"}]}, RemoteRejected),
        ({"connection": ["cut"]}, RemoteUnavailable),
        ({"mail": ["cut"]}, RemoteUnavailable),
        ({"data": ["cut"]}, RemoteUnavailable),
        ({"data": ["cut_after_dot"]}, OutcomeUnknown),
    ],
)
def test_each_end_is_the_one_it_is(post: Post, schedule: dict[str, list[object]], raised: type[Exception]) -> None:
    post.control(schedule=schedule)
    with pytest.raises(raised):
        submit(post, DOCTOR)

    submit(post, DOCTOR)
    (count,) = post.control()["messages"].values()
    assert count["accepted"] == (2 if raised is OutcomeUnknown else 1)


def test_no_answer_in_time_is_unknown(post: Post) -> None:
    post.control(schedule={"data": [{"fault": "slow", "seconds": 1}]})
    with pytest.raises(OutcomeUnknown):
        submit(post, DOCTOR, timeout_s=0.5)


def test_a_recipient_outside_the_trust_space_is_rejected(post: Post) -> None:
    with pytest.raises(RemoteRejected):
        submit(post, "someone@gmail.com")


def test_a_certificate_or_a_password_that_is_wrong(post: Post, pki: Pki) -> None:
    with pytest.raises(RemoteUnavailable):
        submit(post, DOCTOR, Access(post, post.context(pki.client("MSS", expired=True))))
    for access in (Access(post, post.context(pki.client("MSS", OTHER_STRUCTURE))), Access(post, post.context(), "other")):
        with pytest.raises(RemoteRejected):
            submit(post, DOCTOR, access)
        with pytest.raises(RemoteRejected):
            ImapMailboxes(access).open("nord")  # type: ignore[arg-type]


def test_a_refusal_comes_as_a_standard_mail_with_a_spoilt_archive(post: Post) -> None:
    step = {"answer": "ko", "code": "904", "returned": "archive", "archive": "parent_folder"}
    post.control(receipts={ABROAD: [[step]]})
    submit(post, ABROAD)
    (found,) = receipts(post, 1)

    assert (found.kind, found.code, found.sender, found.message_id) == ("ko", "904", ABROAD, "")
    assert found.document_id == "2.25.200000000000000000000000000000000001"


def test_a_platform_s_answers_are_read_as_they_were_meant(tmp_path: Path) -> None:
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as gateway:
        doors = PlatformDoors(Platform(recorder=Recorder(tmp_path), gateway=("127.0.0.1", gateway.getsockname()[1])))
        with socket.create_connection(("127.0.0.1", doors.status["port"]), 10) as connection:
            connection.sendall(framed(a_report_message(flags=EVERYBODY)))
            assert b"\rMSA|AA|R1\r" in (FrameReader(connection).next() or b"")
        control(
            doors.status["control"],
            zam=[{"event": "Z01"}, {"event": "Z02", "recipient": PATIENT, "answer": "N", "code": "550", "label": "Boîte fermée"}],
        )
        for _ in range(2):
            peer, _address = gateway.accept()
            with peer:
                received.append(FrameReader(peer).next() or b"")
        doors.close()

    first, second = (read_zam(read(one)) for one in received)
    assert (first.event, first.message_id, first.positive, first.address) == ("Z01", "R1", True, "")
    assert (second.event, second.message_id, second.positive, second.address, second.code) == ("Z02", "R1", False, PATIENT, "550")


def test_the_control_door_tells_what_it_does_not_know(post: Post) -> None:
    assert urllib3.request("POST", post.doors.status["control"], json={"zam": {}}).status == 400
