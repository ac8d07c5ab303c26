"""The product's own SMTP and IMAP against the strict operator: STARTTLS, client certificate, AUTH PLAIN, DSN; and every way it can fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ris.adapters.dispatch.mss.access import MailboxesOfSites, Server, operator_of, read_autoconfig
from ris.adapters.dispatch.mss.imap import ImapMailboxes
from ris.adapters.dispatch.mss.receipts import MailReceipts
from ris.adapters.dispatch.mss.smtp import SmtpOperator, xtext
from ris.application.dispatch.mail_port import Outgoing
from ris.domain.errors import OutcomeUnknown, Refused, RemoteRejected, RemoteUnavailable
from tests.support.mss import CLOSED, DOCTOR, MAILBOX, NUMBER, PASSWORD, Post, a_mail, open_post
from tests.support.national import make_pki
from tests.support.waiting import until

ABSENT = object()


class Secrets:
    """Secrets Manager with one mailbox."""

    def __init__(self, content: dict[str, str]) -> None:
        self.content = content

    def get_secret_value(self, SecretId: str) -> dict[str, str]:
        assert SecretId == "ris-demo/mailbox/nord"
        return {"SecretString": json.dumps(self.content)}


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    opened = open_post(make_pki(tmp_path_factory.mktemp("pki")), tmp_path_factory.mktemp("post"))
    yield opened
    opened.doors.close()


@pytest.fixture(autouse=True)
def no_fault_is_left(post: Post) -> Iterator[None]:
    yield
    post.forget()


def chain(post: Post) -> str:
    return post.pki.authority.chain_pem().decode()


def accesses(post: Post, *, url: str = "", credential: Any = None, **changes: str) -> MailboxesOfSites:
    client = credential or post.pki.client("MSS")
    status = post.doors.status
    content = {
        "address": MAILBOX, "label": "Imagerie du Nord", "password": PASSWORD, "certificate_pem": client.certificate_pem().decode(), "key_pem": client.key_pem().decode(),
        "ca_pem": chain(post), **changes,
    }  # fmt: skip
    servers = f"smtp://127.0.0.1:{status['smtp_port']} imap://127.0.0.1:{status['imap_port']}"
    return MailboxesOfSites(Secrets(content), "ris-demo", url or servers, "DEV000001", timeout_s=10)


def a_submission(recipient: str = DOCTOR, number: str = NUMBER) -> Outgoing:
    return Outgoing(MAILBOX, recipient, number, a_mail(recipient=recipient, number=number))


def taken(post: Post, number: str) -> int:
    """Return how often the operator accepted a mail of this number."""
    dashed = f"{number[:8]}-{number[8:12]}-{number[12:16]}-{number[16:20]}-{number[20:]}"
    return sum(facts["accepted"] for name, facts in post.control()["messages"].items() if dashed in name)


@pytest.mark.segur("MSS.01", "MSS.02", "MSS.03", "MSS.14", "MSS.23")
def test_a_mail_is_taken_over_starttls_with_the_certificate_and_its_receipts_are_read(post: Post) -> None:
    number = "a" * 32
    SmtpOperator(accesses(post)).submit("nord", a_submission(number=number))

    mailbox = ImapMailboxes(accesses(post)).open("nord")
    try:
        uids = until(lambda: mailbox.uids_after(0), timeout_s=10)
        receipts = [one for uid in uids for one in MailReceipts().read((mailbox.fetch(uid) or pytest.fail("gone")).content)]
    finally:
        mailbox.close()
    (delivered,) = [one for one in receipts if one.kind == "delivered"]
    assert (delivered.envelope_id, delivered.recipient) == (number, DOCTOR)
    assert taken(post, number) == 1


FAULTS = [
    ({"connection": ["cut"]}, RemoteUnavailable, "mss_", 0),
    ({"auth": [{"fault": "reply", "code": 454, "text": "4.7.0 later"}]}, RemoteUnavailable, "mss_busy", 0),
    ({"auth": [{"fault": "reply", "code": 535, "text": "5.7.8 no"}]}, RemoteRejected, "mss_login_refused", 0),
    ({"mail": ["cut"]}, RemoteUnavailable, "mss_unreachable", 0),
    ({"mail": [{"fault": "reply", "code": 552, "text": "5.3.4 too big"}]}, RemoteRejected, "refused_too_big", 0),
    ({"mail": [{"fault": "reply", "code": 550, "text": "5.7.1 sender"}]}, RemoteRejected, "mss_sender_refused", 0),
    ({"rcpt": [{"fault": "reply", "code": 451, "text": "4.3.0 later"}]}, RemoteUnavailable, "mss_busy", 0),
    ({"rcpt": [{"fault": "reply", "code": 550, "text": "5.1.1 nobody"}]}, RemoteRejected, "recipient_unknown", 0),
    ({"data": [{"fault": "reply", "code": 451, "text": "4.3.2 later"}]}, RemoteUnavailable, "mss_busy", 0),
    ({"data": [{"fault": "reply", "code": 554, "text": "5.7.0 no"}]}, RemoteRejected, "domain_not_authorised", 0),
    ({"data": ["cut_before_dot"]}, (RemoteUnavailable, OutcomeUnknown), "mss_", 0),
    ({"data": ["cut_after_dot"]}, OutcomeUnknown, "mss_answer_lost", 1),
]


@pytest.mark.parametrize(("schedule", "error", "code", "there"), FAULTS, ids=lambda value: str(value)[:40])
def test_each_fault_is_told_apart_by_what_is_known_of_the_mail(
    post: Post, schedule: dict[str, Any], error: Any, code: str, there: int
) -> None:
    number = f"{abs(hash(str(schedule))):032x}"[:32]
    post.control(schedule=schedule)

    with pytest.raises(error) as failed:
        SmtpOperator(accesses(post), timeout_s=5).submit("nord", a_submission(number=number))

    assert failed.value.code.startswith(code), failed.value.code
    assert taken(post, number) == there


def test_a_slow_final_answer_is_unknown_and_the_mail_is_there(post: Post) -> None:
    number = "b" * 32
    post.control(schedule={"data": [{"fault": "slow", "seconds": 2}]})

    with pytest.raises(OutcomeUnknown, match="mss_answer_lost"):
        SmtpOperator(accesses(post), timeout_s=0.5).submit("nord", a_submission(number=number))


def test_another_password_and_another_certificate_are_refused(post: Post) -> None:
    with pytest.raises(RemoteRejected, match="mss_login_refused"):
        SmtpOperator(accesses(post, password="wrong")).submit("nord", a_submission())
    with pytest.raises(RemoteRejected, match="mss_login_refused"):
        ImapMailboxes(accesses(post, password="wrong")).open("nord")


def test_a_server_of_another_authority_is_not_spoken_to(post: Post, tmp_path_factory: pytest.TempPathFactory) -> None:
    stranger = make_pki(tmp_path_factory.mktemp("stranger"))
    access = accesses(post, ca_pem=stranger.authority.chain_pem().decode())

    with pytest.raises(RemoteUnavailable, match="mss_tls_refused"):
        SmtpOperator(access).submit("nord", a_submission())
    with pytest.raises(RemoteUnavailable, match="mss_tls_refused"):
        ImapMailboxes(access).open("nord")


def test_nobody_at_home_is_surely_not_taken(post: Post) -> None:
    access = accesses(post, url="smtp://127.0.0.1:9 imap://127.0.0.1:9")

    with pytest.raises(RemoteUnavailable, match="mss_unreachable"):
        SmtpOperator(access).submit("nord", a_submission())
    with pytest.raises(RemoteUnavailable, match="mss_unreachable"):
        ImapMailboxes(access).open("nord")


@pytest.mark.parametrize("missing", ["address", "password", "certificate_pem", "key_pem"])
def test_a_mailbox_that_is_not_whole_is_none(post: Post, missing: str) -> None:
    with pytest.raises(Refused, match="mailbox_not_configured"):
        SmtpOperator(accesses(post, **{missing: ""})).mailbox("nord")


def test_a_bounce_comes_back_for_a_closed_mailbox(post: Post) -> None:
    number = "c" * 32
    SmtpOperator(accesses(post)).submit("nord", a_submission(CLOSED, number))

    mailbox = ImapMailboxes(accesses(post)).open("nord")
    try:
        found = until(
            lambda: [
                one
                for uid in mailbox.uids_after(0)
                for one in MailReceipts().read((mailbox.fetch(uid) or pytest.fail("gone")).content)
                if one.envelope_id == number
            ],
            timeout_s=10,
        )
    finally:
        mailbox.close()
    assert found[0].kind == "failed"


def test_the_operators_servers_come_from_its_autoconfiguration(post: Post) -> None:
    status = post.doors.status
    found = operator_of(status["autoconfig"], chain(post), 10)

    assert (found.smtp.port, found.imap.port) == (status["smtp_port"], status["imap_port"])
    assert operator_of("smtp://ope.example imap://ope.example", "", 1).smtp == Server("ope.example", 587)
    for nonsense in (b"", b"<html/>", b"<!DOCTYPE x [<!ENTITY e 'x'>]><x>&e;</x>"):
        with pytest.raises(Refused, match="mss_not_configured"):
            read_autoconfig(nonsense)
    with pytest.raises(Refused, match="mss_not_configured"):
        operator_of("smtp://ope.example", "", 1)


def test_a_mail_whose_lines_begin_with_dots_arrives_whole(post: Post) -> None:
    number = "d" * 32
    mail = replace(a_submission(number=number))
    SmtpOperator(accesses(post)).submit("nord", mail)

    numbers = next(facts["numbers"] for name, facts in post.control()["messages"].items() if "dddddddd-" in name)
    assert (post.folder / f"{numbers[0]:03d}.eml").read_bytes().rstrip(b"\r\n") == mail.content.rstrip(b"\r\n")


def test_xtext_hides_what_it_must() -> None:
    assert xtext("a+b=c d@é") == "a+2Bb+3Dc+20d@+C3+A9"
