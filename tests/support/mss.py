"""A mail operator on free ports, a client that speaks to it as a software does, and mails the product wrote."""

from __future__ import annotations

import imaplib
import json
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import urllib3

from infra.local.services.mss import MssDoors, operator_of
from infra.local.services.mss_trust import MailTrust
from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.adapters.dispatch.mss.mail import compose
from ris.adapters.dispatch.mss.xdm import xdm_archive
from ris.adapters.report.cda import build_cda
from ris.adapters.report.pdf import render_report
from ris.application.dispatch.mail_port import Letter, Mailbox
from ris.domain.report.frozen import FrozenReport
from tests.support.frozen_reports import a_frozen_report
from tests.support.national import STRUCTURE, Pki, control

MAILBOX, PASSWORD = "ris.essai@ope.mssante.fr", "s3cret:-"
DOCTOR, CLOSED, ABROAD = "luc.exemple@ope.mssante.fr", "ferme@ope.mssante.fr", "anne.fictive@autre.mssante.fr"
PATIENT = "275126322074974@patient.mssante.fr"
NUMBER = "00112233445566778899aabbccddeeff"
SENT_AT = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)
SETTINGS = DmpSettings("https://dmp.invalid/services", "RIS", "1", "HOMOL-1", "2.25.9")
DOMAINS = "domain;kind\nope.mssante.fr;own\nautre.mssante.fr;trusted\npatient.mssante.fr;patient\n"
MAILBOXES = f"""address;kind;label;state;limit_mb;answers;password;issuer;common_name;unit
{MAILBOX};applicative;Essai;open;;;{PASSWORD};TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS;;{STRUCTURE}
autre.logiciel@ope.mssante.fr;applicative;Autre;open;;none;autre;Authority of the operator;;
{DOCTOR};professional;Dr Luc EXEMPLE;open;;dsn+mdn;;;;
{CLOSED};professional;Fermé;closed;;;;;;
{ABROAD};professional;Dr Anne FICTIVE;open;;dsn;;;;
secretariat@ope.mssante.fr;professional;Secrétariat;open;;none;;;;
fermee@patient.mssante.fr;patient;Fermée;closed;;;;;;
"""


@dataclass(eq=False)
class Post:
    """An operator and how to reach it."""

    doors: MssDoors
    pki: Pki
    folder: Path

    def control(self, **body: Any) -> dict[str, Any]:
        """Tell the control door, then return its report."""
        return control(self.doors.status["control"], **body)

    def forget(self) -> None:
        """Drop the faults that were not used."""
        urllib3.request("DELETE", self.doors.status["control"])

    def mails(self) -> list[bytes]:
        """Return what the sender's mailbox holds."""
        return self.doors.mails(MAILBOX)

    def context(self, credential: Any = "usual") -> ssl.SSLContext:
        """Return a client's TLS settings, with the certificate of the mailbox unless another or none is given."""
        return mail_tls(self.pki, self.pki.client("MSS") if credential == "usual" else credential)

    @contextmanager
    def smtp(self, *, credential: Any = "usual", login: str = MAILBOX, password: str = PASSWORD) -> Iterator[smtplib.SMTP]:
        """Give a session that is logged in."""
        with smtplib.SMTP("127.0.0.1", self.doors.status["smtp_port"], timeout=20) as session:
            session.starttls(context=self.context(credential))
            session.ehlo()
            session.user, session.password = login, password
            session.auth("PLAIN", session.auth_plain)
            yield session

    @contextmanager
    def imap(self, *, credential: Any = "usual", login: str = MAILBOX, password: str = PASSWORD) -> Iterator[imaplib.IMAP4]:
        """Give a session that is logged in."""
        session = imaplib.IMAP4("127.0.0.1", self.doors.status["imap_port"], timeout=20)
        try:
            session.starttls(self.context(credential))
            session.authenticate("PLAIN", lambda _: f"\0{login}\0{password}".encode())
            yield session
        finally:
            session.shutdown()

    def send(
        self, content: bytes, *recipients: str, envelope_id: str = NUMBER, notify: str = "SUCCESS,FAILURE,DELAY"
    ) -> tuple[int, str]:
        """Send one mail; return the reply to its final dot, or the first refusal."""
        with self.smtp() as session:
            options = [f"ENVID={envelope_id}", "RET=HDRS"] if envelope_id else []
            answers = [session.mail(MAILBOX, options)]
            for recipient in recipients or (DOCTOR,):
                asked = [f"NOTIFY={notify}", f"ORCPT=rfc822;{recipient}"] if notify else []
                answers.append(session.rcpt(recipient, asked))
            refused = next((answer for answer in answers if answer[0] >= 300), None)
            code, text = refused or session.data(content)
            return code, text.decode()

    def evidence(self, number: int) -> dict[str, Any]:
        """Return the facts of one mail."""
        return dict(json.loads((self.folder / f"{number:03d}.json").read_text()))


def mail_tls(pki: Pki, credential: Any) -> ssl.SSLContext:
    """Return TLS settings of a mail client: 1.2 or later."""
    context = pki.context(credential)
    context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED
    return context


def open_post(pki: Pki, folder: Path, **config: Any) -> Post:
    """Start an operator; close its doors yourself."""
    folder.mkdir(exist_ok=True, parents=True)
    for name, text in (("mailboxes.csv", MAILBOXES), ("domains.csv", DOMAINS)):
        (folder / name).write_text(text)
    evidence = folder / "mssante"
    settings = {
        "evidence": str(evidence),
        "mailboxes": [str(folder / "mailboxes.csv")],
        "domains": [str(folder / "domains.csv")],
        "domain": "ope.mssante.fr",
        **config,
    }
    return Post(MssDoors(operator_of(settings), MailTrust(**pki.files)), pki, evidence)


@lru_cache(maxsize=32)
def documents(report: FrozenReport) -> tuple[bytes, bytes]:
    """Return PDF and CDA of a version."""
    pdf = render_report(report)
    return pdf, build_cda(report, pdf)


def a_mailbox(**changes: Any) -> Mailbox:
    """Return the mailbox of a site."""
    return replace(Mailbox(MAILBOX, "Imagerie du Nord", "secretariat@ope.mssante.fr", "DEV000001"), **changes)


def a_mail(report: FrozenReport | None = None, *, mailbox: Mailbox | None = None, **letter: Any) -> bytes:
    """Return a mail as the product writes it."""
    frozen = report or a_frozen_report()
    pdf, cda = documents(frozen)
    asked = replace(Letter(NUMBER, DOCTOR), **letter)
    action = {"create": "", "replace": "C", "delete": "D"}[asked.kind]
    archive = xdm_archive(frozen, cda, SETTINGS, action=action)
    return compose(frozen, asked, mailbox or a_mailbox(), archive=archive, pdf=pdf, sent_at=SENT_AT).as_bytes()
