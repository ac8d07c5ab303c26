"""The mail operator takes what a real one takes, answers as told, and refuses the rest; spoken to by smtplib and imaplib."""

from __future__ import annotations

import email
import imaplib
import json
import smtplib
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import urllib3
from lxml import etree

from infra.local.children import Children, python
from infra.local.demo.pki import Authority
from tests.support.mss import ABROAD, CLOSED, DOCTOR, MAILBOX, NUMBER, PASSWORD, PATIENT, Post, a_mail, mail_tls, open_post
from tests.support.national import OTHER_STRUCTURE, Pki, make_pki
from tests.support.waiting import until


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def post(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    opened = open_post(pki, tmp_path_factory.mktemp("post"))
    yield opened
    opened.doors.close()


MESSAGE_ID = "<00112233-4455-6677-8899-aabbccddeeff@ope.mssante.fr>"


def came(post: Post, count: int) -> list[bytes]:
    """Wait until the sender's mailbox holds that many answers."""
    until(lambda: len(post.mails()) >= count)
    return post.mails()


def kinds(post: Post, count: int) -> list[str]:
    return [str(email.message_from_bytes(one).get_param("report-type") or "") for one in came(post, count)]


def test_a_mail_is_taken_kept_byte_for_byte_and_answered(post: Post) -> None:
    mail = a_mail()

    assert post.send(mail) == (250, "2.0.0 Ok: queued")

    assert (post.folder / "001.eml").read_bytes() == mail
    facts = post.evidence(1)
    assert facts["findings"] == []
    assert facts["login"] == facts["envelope"]["mail_from"] == MAILBOX
    assert facts["envelope"]["envelope_id"] == NUMBER
    assert facts["envelope"]["recipients"] == [
        {"address": DOCTOR, "notify": ["DELAY", "FAILURE", "SUCCESS"], "orcpt": f"rfc822;{DOCTOR}"}
    ]
    assert facts["tls"]["version"] == "TLSv1.3"
    assert "OU=1990000017" in facts["client_certificate"]["subject"]
    assert kinds(post, 2) == ["delivery-status", "disposition-notification"]
    assert post.control()["messages"][MESSAGE_ID] == {
        "accepted": 1,
        "refused": 0,
        "recipients": {DOCTOR: 1},
        "envelope_ids": [NUMBER],
        "numbers": [1],
        "returned": [],
    }


def test_the_answers_are_read_over_imap_with_uids_that_grow(post: Post) -> None:
    post.send(a_mail())
    came(post, 2)
    with post.imap() as session:
        session.select(readonly=True)
        uids = session.uid("SEARCH", "UID 1:*")[1][0].split()
        first = session.uid("FETCH", uids[0].decode(), "(RFC822.SIZE BODY.PEEK[]<0.262144>)")[1]

    assert len(uids) == 2
    assert uids == sorted(uids, key=int)
    assert f"Original-Envelope-Id: {NUMBER}".encode() in first[0][1]
    assert first[0][1] == post.mails()[0]


def test_another_numbering_keeps_the_mails(post: Post) -> None:
    post.send(a_mail())
    before = came(post, 2)
    with post.imap() as session:
        session.select()
        known = session.response("UIDVALIDITY")[1][0]

    post.control(renew=MAILBOX)

    with post.imap() as session:
        session.select()
        assert int(session.response("UIDVALIDITY")[1][0]) > int(known)
    assert post.mails() == before


def test_the_autoconfiguration_leads_to_both_doors(post: Post, pki: Pki) -> None:
    with urllib3.PoolManager(ssl_context=mail_tls(pki, None)) as pool:
        got = pool.request("GET", post.doors.status["autoconfig"])
    root = etree.fromstring(got.data)

    ports = {node.get("type"): int(node.findtext("port")) for node in root.iter("incomingServer", "outgoingServer")}
    assert ports == {"imap": post.doors.status["imap_port"], "smtp": post.doors.status["smtp_port"]}
    assert {node.text for node in root.iter("socketType")} == {"STARTTLS"}


def test_a_refusal_names_its_rule_and_says_nothing_of_the_patient(post: Post) -> None:
    code, words = post.send(a_mail().replace(b"X-MSS-INS: O", b"X-MSS-INS: N"))

    assert (code, words) == (550, "5.6.0 X_MSS_INS: X-MSS-INS is not what the CDA says")
    assert post.evidence(1)["findings"] == [{"rule": "X_MSS_INS", "text": "X-MSS-INS is not what the CDA says"}]
    assert post.mails() == []


def test_it_only_records_when_told_so(pki: Pki, tmp_path: Path) -> None:
    post = open_post(pki, tmp_path, linter="record")
    assert post.send(a_mail().replace(b"X-MSS-INS: O", b"X-MSS-INS: N"))[0] == 250
    post.doors.close()

    assert [one["rule"] for one in post.evidence(1)["findings"]] == ["X_MSS_INS"]


def test_it_runs_as_a_process_with_the_mailboxes_of_the_demo(pki: Pki, tmp_path: Path) -> None:
    config = {"status_file": str(tmp_path / "status.json"), "evidence": str(tmp_path / "mssante"), "tls": pki.files}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with Children() as children:
        children.spawn("mss", python("infra.local.services.mss", "--config", str(tmp_path / "config.json")))
        status = json.loads(until(lambda: (tmp_path / "status.json").exists() and (tmp_path / "status.json").read_text()))
        with smtplib.SMTP("127.0.0.1", status["smtp_port"], timeout=20) as session:
            session.starttls(context=mail_tls(pki, pki.client("MSS")))
            assert session.ehlo()[0] == 250
            with pytest.raises(smtplib.SMTPAuthenticationError):
                session.login("ris.volcans@demo.mssante.fr", "demo-volcans")
    assert sorted(status) == ["autoconfig", "control", "host", "imap_port", "pid", "smtp_port"]


# Doors


def test_tls_1_2_with_the_listed_suites_passes_and_others_do_not(post: Post, pki: Pki) -> None:
    listed, other = (pki.context(pki.client("MSS")) for _ in range(2))
    listed.set_ciphers("ECDHE-RSA-AES128-SHA256")
    other.set_ciphers("ECDHE-RSA-CHACHA20-POLY1305")
    with smtplib.SMTP("127.0.0.1", post.doors.status["smtp_port"], timeout=20) as session:
        session.starttls(context=listed)
        session.login(MAILBOX, PASSWORD)
        assert session.sendmail(MAILBOX, [DOCTOR], a_mail()) == {}
    with smtplib.SMTP("127.0.0.1", post.doors.status["smtp_port"], timeout=20) as session, pytest.raises(ssl.SSLError):
        session.starttls(context=other)

    assert post.evidence(1)["tls"] == {"version": "TLSv1.2", "cipher": "ECDHE-RSA-AES128-SHA256"}


def test_nothing_is_said_before_starttls(post: Post) -> None:
    with smtplib.SMTP("127.0.0.1", post.doors.status["smtp_port"]) as session:
        session.ehlo()
        assert "auth" not in session.esmtp_features
        assert session.mail(MAILBOX)[0] == 530
    with imaplib.IMAP4("127.0.0.1", post.doors.status["imap_port"]) as session:
        assert "LOGINDISABLED" in session.capabilities
        with pytest.raises(imaplib.IMAP4.error):
            session.login(MAILBOX, PASSWORD)


@pytest.mark.parametrize("which", ["none", "other_authority", "expired", "revoked"])
@pytest.mark.parametrize("door", ["smtp", "imap"])
def test_a_certificate_that_is_not_of_the_chain_ends_the_connection(post: Post, pki: Pki, which: str, door: str) -> None:
    credential = {
        "none": lambda: None,
        "other_authority": lambda: Authority().auth_cli(structure="1990000017", name="x", service="MSS"),
        "expired": lambda: pki.client("MSS", expired=True),
        "revoked": lambda: pki.client("MSS2", revoked=True),
    }[which]()

    with (
        pytest.raises((smtplib.SMTPException, imaplib.IMAP4.error, ssl.SSLError, OSError)),
        getattr(post, door)(credential=credential),
    ):
        raise AssertionError("let in")


@pytest.mark.parametrize("door", ["smtp", "imap"])
def test_a_login_needs_the_mailbox_s_own_certificate_and_password(post: Post, pki: Pki, door: str) -> None:
    wrong = [
        {"password": "other"},
        {"login": "nobody@ope.mssante.fr"},
        {"login": DOCTOR},
        {"credential": pki.client("MSS", OTHER_STRUCTURE)},
        {"login": "autre.logiciel@ope.mssante.fr", "password": "autre"},
    ]
    for attempt in wrong:
        with pytest.raises((smtplib.SMTPAuthenticationError, imaplib.IMAP4.error)), getattr(post, door)(**attempt):
            raise AssertionError("let in")

    assert post.control()[f"{door}_logins"] == {
        f"{MAILBOX} refused": 2,
        "nobody@ope.mssante.fr refused": 1,
        f"{DOCTOR} refused": 1,
        "autre.logiciel@ope.mssante.fr refused": 1,
    }


def test_only_plain_is_offered_and_a_login_is_the_sender(post: Post) -> None:
    with post.smtp() as session:
        assert session.esmtp_features["auth"].split() == ["PLAIN"]
        assert session.has_extn("dsn")
        assert session.mail("someone.else@ope.mssante.fr")[0] == 550


# Envelope


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (["ENVID=a=b"], []),
        (["ENVID=" + "a" * 101], []),
        (["ENVID=a", "ENVID=b"], []),
        (["RET=ALL"], []),
        ([], ["NOTIFY=NEVER,SUCCESS"]),
        ([], ["NOTIFY=ALWAYS"]),
        ([], [f"ORCPT=x400;{DOCTOR}"]),
        ([], ["ORCPT=rfc822;a=b"]),
        ([], ["NOTIFY="]),
    ],
)
def test_parameters_of_reports_are_read_strictly(post: Post, options: list[str], asked: list[str]) -> None:
    with post.smtp() as session:
        answers = [session.mail(MAILBOX, options)[0], session.rcpt(DOCTOR, asked)[0]]

    assert answers == ([501, 503] if options else [250, 501])


@pytest.mark.parametrize(
    ("recipient", "code"),
    [("someone@gmail.com", 550), ("nobody@ope.mssante.fr", 550), ("nobody@autre.mssante.fr", 250), (PATIENT, 250)],
)
def test_rcpt_refuses_only_what_this_operator_knows(post: Post, recipient: str, code: int) -> None:
    with post.smtp() as session:
        session.mail(MAILBOX)
        assert session.rcpt(recipient)[0] == code


def test_a_refused_recipient_stops_no_other(post: Post) -> None:
    with post.smtp() as session:
        session.mail(MAILBOX, [f"ENVID={NUMBER}"])
        assert session.rcpt("someone@gmail.com")[0] == 550
        assert session.rcpt(DOCTOR, ["NOTIFY=SUCCESS"])[0] == 250
        assert session.data(a_mail())[0] == 250


def test_a_mail_above_the_announced_size_is_refused_before_it_comes(post: Post) -> None:
    with post.smtp() as session:
        assert int(session.esmtp_features["size"]) == 40_000_000
        assert session.mail(MAILBOX, ["SIZE=40000001"])[0] == 552


# What comes back


@pytest.mark.parametrize(
    ("recipient", "status"),
    [
        (CLOSED, "5.2.1"),
        ("nobody@autre.mssante.fr", "5.1.1"),
        ("fermee@patient.mssante.fr", "5.2.1"),
        ("odette.essai@patient.mssante.fr", "5.1.3"),
    ],
)
def test_what_cannot_be_delivered_comes_back(
    pki: Pki, tmp_path_factory: pytest.TempPathFactory, recipient: str, status: str
) -> None:
    post = open_post(pki, tmp_path_factory.mktemp("bounces"), linter="record")
    assert post.send(a_mail(recipient=recipient), recipient)[0] == 250
    (bounce,) = came(post, 1)
    until(lambda: post.control()["messages"][MESSAGE_ID]["returned"] == [recipient])
    post.doors.close()

    text = bounce.decode()
    assert "Undelivered Mail Returned to Sender" in text
    assert f"Status: {status}\r\n" in text
    assert "Action: failed\r\n" in text
    assert f"Original-Envelope-Id: {NUMBER}\r\n" in text
    assert f"Original-Recipient: rfc822;{recipient}\r\n" in text
    assert f"Message-ID: {MESSAGE_ID}" in text


def test_an_unknown_patient_comes_back_where_every_mailbox_is_listed(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> None:
    post = open_post(pki, tmp_path_factory.mktemp("listed"), unknown_patient="bounced")
    post.send(a_mail(recipient=PATIENT), PATIENT)
    (bounce,) = came(post, 1)
    post.doors.close()

    assert b"Patient inconnu" in bounce


def test_too_big_comes_back_by_the_recipient_s_own_limit(post: Post) -> None:
    post.control(mailbox={"address": DOCTOR, "limit_mb": 0.01})
    assert post.send(a_mail())[0] == 250

    (bounce,) = came(post, 1)
    assert b"Status: 5.3.4" in bounce


@pytest.mark.parametrize(
    ("notify", "expected"),
    [("", ["disposition-notification"]), ("NEVER", ["disposition-notification"]), ("FAILURE", ["disposition-notification"])],
)
def test_a_report_comes_only_when_it_was_asked_for(post: Post, notify: str, expected: list[str]) -> None:
    post.send(a_mail(), notify=notify)

    assert kinds(post, 1) == expected


def test_a_bounce_that_was_not_wanted_does_not_come(post: Post) -> None:
    post.send(a_mail(recipient=CLOSED), CLOSED, notify="NEVER")
    post.send(a_mail())

    assert kinds(post, 2) == ["delivery-status", "disposition-notification"]


def test_answers_wait_for_the_control_door_and_come_in_its_order(post: Post) -> None:
    post.control(receipts={DOCTOR: [[{"answer": "dsn", "hold": True}, {"answer": "mdn", "hold": True, "times": 2}]]})
    post.send(a_mail())
    until(lambda: post.control()["held"] == 2)

    post.control(release={"recipient": DOCTOR, "reverse": True})

    assert kinds(post, 3) == ["disposition-notification", "disposition-notification", "delivery-status"]


def test_an_answer_comes_long_after_when_told(post: Post) -> None:
    post.control(receipts={ABROAD: ["none"]})
    post.send(a_mail(recipient=ABROAD), ABROAD)
    post.control(answer={"message_id": MESSAGE_ID, "recipient": ABROAD, "steps": [{"answer": "mdn", "code": "902"}]})

    (answer,) = came(post, 1)
    assert b"processed/Error: 902^" in answer
    assert urllib3.request(
        "POST", post.doors.status["control"], json={"answer": {"message_id": "<x@y>", "recipient": ABROAD, "steps": []}}
    ).status == 400  # fmt: skip


# Faults


@pytest.mark.parametrize(
    ("point", "fault", "code"),
    [
        ("auth", {"fault": "reply", "code": 454, "text": "4.7.0 Temporary authentication failure"}, 454),
        ("mail", {"fault": "reply", "code": 421}, 421),
        ("rcpt", {"fault": "reply", "code": 450}, 450),
        (f"rcpt:{DOCTOR}", {"fault": "reply", "code": 452}, 452),
        ("data", {"fault": "reply", "code": 451}, 451),
        (f"data:{DOCTOR}", {"fault": "reply", "code": 554}, 554),
    ],
)
def test_a_scheduled_reply_is_given_once_and_nothing_is_kept(post: Post, point: str, fault: dict[str, object], code: int) -> None:
    post.control(schedule={point: [fault]})
    try:
        said = post.send(a_mail())[0]
    except smtplib.SMTPResponseException as refused:
        said = refused.smtp_code

    assert said == code
    assert post.send(a_mail())[0] == 250
    assert post.control()["messages"][MESSAGE_ID]["accepted"] == 1


def test_451_comes_as_often_as_told(post: Post) -> None:
    post.control(schedule={"data": [{"fault": "reply", "code": 451, "times": 3}]})

    assert [post.send(a_mail())[0] for _ in range(4)] == [451, 451, 451, 250]
    assert post.control()["messages"][MESSAGE_ID]["refused"] == 3


@pytest.mark.parametrize(("fault", "kept"), [("cut_before_dot", 0), ("cut_after_dot", 1), ("cut", 0)])
def test_a_connection_cut_around_the_final_dot(post: Post, fault: str, kept: int) -> None:
    post.control(schedule={"data": [fault]})
    with pytest.raises((smtplib.SMTPServerDisconnected, OSError)):
        post.send(a_mail())

    assert post.control()["messages"].get(MESSAGE_ID, {"accepted": 0})["accepted"] == kept
    assert post.send(a_mail())[0] == 250
    assert post.control()["messages"][MESSAGE_ID]["accepted"] == kept + 1


@pytest.mark.parametrize("point", ["connection", "auth", "mail", "rcpt"])
def test_a_connection_cut_at_a_command(post: Post, point: str) -> None:
    post.control(schedule={point: ["cut"]})
    with pytest.raises((smtplib.SMTPException, OSError)):
        post.send(a_mail())

    assert post.send(a_mail())[0] == 250


def test_a_slow_reply_comes_after_the_mail_was_kept(post: Post) -> None:
    post.control(schedule={"data": [{"fault": "slow", "seconds": 0.2}]})

    assert post.send(a_mail())[0] == 250


def test_imap_can_be_down(post: Post) -> None:
    post.control(schedule={"imap": ["cut"], "imap_login": ["refused"]})
    for _ in range(2):
        with pytest.raises((imaplib.IMAP4.error, OSError)), post.imap():
            raise AssertionError("let in")
    with post.imap() as session:
        assert session.select()[0] == "OK"


@pytest.mark.parametrize(
    "body",
    [
        {"receipts": {DOCTOR: [[{"answer": "fax"}]]}},
        {"mailbox": {"address": DOCTOR, "shoe_size": 43}},
        {"what": 1},
        {"receipts": {DOCTOR: ["unknown plan"]}},
    ],
)
def test_a_command_it_does_not_know_is_refused(post: Post, body: dict[str, object]) -> None:
    assert urllib3.request("POST", post.doors.status["control"], json=body).status == 400


def test_a_silent_peer_does_not_close_the_door(post: Post) -> None:
    with socket.create_connection(("127.0.0.1", post.doors.status["smtp_port"]), 5):
        assert post.send(a_mail())[0] == 250


def test_a_reply_that_waits_comes_when_it_is_told_to(post: Post) -> None:
    post.control(schedule={"data": ["wait"]})
    with ThreadPoolExecutor(1) as beside:
        sending = beside.submit(post.send, a_mail())
        until(lambda: post.control()["silent"] == 1)
        assert post.control()["messages"][MESSAGE_ID]["accepted"] == 1
        assert not sending.done()

        post.control(reply=True)

        assert sending.result(5) == (250, "2.0.0 Ok: queued")
    assert post.control()["silent"] == 0
