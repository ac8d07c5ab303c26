"""Give a mail to the operator: SMTP with STARTTLS and the client certificate, AUTH PLAIN, one recipient, DSN asked where it is offered.

Each answer is one of four ends: taken (250 after the final dot), surely not and never (5xx), surely not for now (4xx, or cut before the
final dot), perhaps (cut after it).

Source: RFC 5321, 3207 (STARTTLS), 4616 (PLAIN), 3461 (DSN: ENVID and ORCPT in xtext); MSS.14, ECO.2.3.1.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from dataclasses import dataclass

from ris.adapters.dispatch.mss.access import MailboxAccess, MailboxesOfSites
from ris.adapters.keys.revocation import code_of
from ris.application.dispatch.mail_port import Mailbox, Outgoing
from ris.domain.dispatch.mail_codes import bounce_code
from ris.domain.errors import OutcomeUnknown, RemoteRejected, RemoteUnavailable, RisError

LONGEST_WORDS = 500


@dataclass(frozen=True)
class SmtpOperator:
    """Implements `MailOperator`.

    Args:
        access: Mailboxes of the sites.
        timeout_s: Of each answer; the last one, after the final dot, may take longer than any other.
        hello: What EHLO says: an address literal tells nothing of the host.
    """

    access: MailboxesOfSites
    timeout_s: float = 30.0
    hello: str = "[127.0.0.1]"

    def mailbox(self, site: str) -> Mailbox:
        """See the port."""
        return self.access.access(site).mailbox

    def submit(self, site: str, mail: Outgoing) -> None:
        """See the port."""
        given = self.access.access(site)
        client = _Client(timeout=self.timeout_s, local_hostname=self.hello)
        try:
            _connect(client, given)
            _offer(client, mail)
            _hand_over(client, mail.content)
        finally:
            client.close()


class _Client(smtplib.SMTP):
    """Sends each command at once: with Nagle's algorithm a mail takes 60 ms instead of 17."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made = socket.create_connection((host, port), timeout)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made


def _connect(client: smtplib.SMTP, given: MailboxAccess) -> None:
    """Open, secure and authenticate a session: nothing was sent yet, so every failure is a sure one."""
    server = given.operator.smtp
    # smtplib checks the server's certificate against the name it was made with.
    client._host = server.host  # type: ignore[attr-defined]
    secured = False
    try:
        client.connect(server.host, server.port)
        client.ehlo_or_helo_if_needed()
        if not client.has_extn("starttls"):
            raise RemoteRejected("mss_tls_refused", detail="STARTTLS is not offered")
        client.starttls(context=given.tls)
        secured = True
        client.ehlo()
        client.user, client.password = given.mailbox.address, given.password
        client.auth("PLAIN", client.auth_plain)
    except ssl.SSLCertVerificationError as error:
        raise RemoteUnavailable(code_of(error, "mss_tls_refused"), detail=error.verify_message[:LONGEST_WORDS]) from None
    except ssl.SSLError as error:
        raise RemoteUnavailable("mss_certificate_refused", detail=str(error.reason)[:LONGEST_WORDS]) from None
    except smtplib.SMTPServerDisconnected:
        # Directly after STARTTLS this is the certificate, or an outage: nobody can tell the two apart.
        raise RemoteUnavailable("mss_certificate_refused" if secured else "mss_unreachable") from None
    except smtplib.SMTPAuthenticationError as error:
        raise _login(error) from None
    except smtplib.SMTPResponseException as error:
        raise RemoteUnavailable("mss_busy", field=str(error.smtp_code), detail=_words(error.smtp_error)) from None
    except (OSError, smtplib.SMTPException) as error:
        raise RemoteUnavailable("mss_unreachable", detail=type(error).__name__) from None


def _login(error: smtplib.SMTPAuthenticationError) -> RisError:
    words = _words(error.smtp_error)
    if 500 <= error.smtp_code < 600:
        return RemoteRejected("mss_login_refused", field=str(error.smtp_code), detail=words)
    return RemoteUnavailable("mss_busy", field=str(error.smtp_code), detail=words)


def _offer(client: smtplib.SMTP, mail: Outgoing) -> None:
    """Say from whom and to whom; the operator may refuse either, and knows nothing of the content yet."""
    dsn = client.has_extn("dsn")
    size = [f"size={len(mail.content)}"] if client.has_extn("size") else []
    try:
        code, words = client.mail(mail.sender, [*size, *([f"ENVID={xtext(mail.envelope_id)}", "RET=HDRS"] if dsn else [])])
        _accepted(code, words, "mss_sender_refused")
        options = ["NOTIFY=SUCCESS,FAILURE,DELAY", f"ORCPT=rfc822;{xtext(mail.recipient)}"] if dsn else []
        code, words = client.rcpt(mail.recipient, options)
        _accepted(code, words, "")
    except smtplib.SMTPServerDisconnected:
        raise RemoteUnavailable("mss_unreachable", detail="cut before the content") from None
    except (OSError, smtplib.SMTPException) as error:
        raise RemoteUnavailable("mss_unreachable", detail=type(error).__name__) from None


def _hand_over(client: smtplib.SMTP, content: bytes) -> None:
    """Send the content. Up to the final dot a cut is sure; from there on it is not.

    Raises:
        RemoteRejected: 5xx.
        RemoteUnavailable: 4xx, or cut before the final dot was written.
        OutcomeUnknown: Cut behind it.
    """
    quoted = smtplib._quote_periods(content)  # type: ignore[attr-defined]
    if not quoted.endswith(b"\r\n"):
        quoted += b"\r\n"
    try:
        client.putcmd("data")
        code, words = client.getreply()
        if code != 354:
            _accepted(code, words, "")
            raise RemoteUnavailable("mss_busy", field=str(code), detail=_words(words))
        client.send(quoted)
    except (OSError, smtplib.SMTPException) as error:
        raise RemoteUnavailable("mss_unreachable", detail=type(error).__name__) from None
    try:
        client.send(b".\r\n")
        code, words = client.getreply()
    except (OSError, smtplib.SMTPException):
        raise OutcomeUnknown("mss_answer_lost") from None
    if code < 200:
        raise OutcomeUnknown("mss_answer_lost")
    _accepted(code, words, "")


def _accepted(code: int, words: bytes, refused: str) -> None:
    """Raise unless the answer is one of the 200s; `refused` names a 5xx that is not about the recipient."""
    if 200 <= code < 300:
        return
    said = _words(words)
    if 500 <= code < 600:
        ours = bounce_code(str(code), said)
        raise RemoteRejected(ours if ours == "refused_too_big" or not refused else refused, field=str(code), detail=said)
    raise RemoteUnavailable("mss_busy", field=str(code), detail=said)


def xtext(text: str) -> str:
    """Return a text as xtext (RFC 3461 §4): printable ASCII, `+` and `=` and the rest as +HH."""
    return "".join(c if 33 <= ord(c) <= 126 and c not in "+=" else "".join(f"+{b:02X}" for b in c.encode()) for c in text)


def _words(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:LONGEST_WORDS]
