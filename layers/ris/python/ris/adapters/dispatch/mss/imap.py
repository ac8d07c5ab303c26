"""Read a mailbox: IMAP4rev1 with STARTTLS and the client certificate, AUTHENTICATE PLAIN, EXAMINE: nothing in it is changed.

Source: RFC 3501 (UID, BODY.PEEK, UIDVALIDITY), RFC 2595 (STARTTLS).
"""

from __future__ import annotations

import imaplib
import re
import ssl
from contextlib import suppress
from dataclasses import dataclass, field

from ris.adapters.dispatch.mss.access import MailboxAccess, MailboxesOfSites
from ris.adapters.keys.revocation import code_of
from ris.application.dispatch.mail_port import Arrived
from ris.domain.errors import RemoteRejected, RemoteUnavailable

FIRST_OCTETS = 262_144
"""Of a mail: the machine part of a receipt precedes what it returns, which may be 25 MB."""
LARGEST = 40 * 1024 * 1024


@dataclass(frozen=True)
class ImapMailboxes:
    """Implements `Mailboxes`."""

    access: MailboxesOfSites
    timeout_s: float = 30.0

    def open(self, site: str) -> ImapMailbox:
        """See the port."""
        given = self.access.access(site)
        server = given.operator.imap
        try:
            client = imaplib.IMAP4(server.host, server.port, timeout=self.timeout_s)
        except (OSError, imaplib.IMAP4.error) as error:
            raise RemoteUnavailable("mss_unreachable", detail=type(error).__name__) from None
        try:
            return _opened(client, given)
        except BaseException:
            with suppress(OSError, imaplib.IMAP4.error):  # a handshake that failed has closed it already
                client.shutdown()
            raise


def _opened(client: imaplib.IMAP4, given: MailboxAccess) -> ImapMailbox:
    try:
        client.starttls(given.tls)
        name, password = given.mailbox.address, given.password
        client.authenticate("PLAIN", lambda _: f"\0{name}\0{password}".encode())
        kind, _ = client.select("INBOX", readonly=True)
        validity = client.response("UIDVALIDITY")[1]
    except ssl.SSLError as error:
        raise RemoteUnavailable(code_of(error, "mss_tls_refused"), detail=str(error.reason)[:200]) from None
    except imaplib.IMAP4.abort:
        # Directly after STARTTLS this is the certificate, or an outage.
        raise RemoteUnavailable("mss_certificate_refused") from None
    except imaplib.IMAP4.error:
        raise RemoteRejected("mss_login_refused") from None
    except OSError as error:
        raise RemoteUnavailable("mss_unreachable", detail=type(error).__name__) from None
    number = validity[0] if validity and validity[0] else b""
    if kind != "OK" or not isinstance(number, bytes) or not number.isdigit():
        raise RemoteUnavailable("mss_busy", detail="INBOX")
    return ImapMailbox(client, int(number))


@dataclass
class ImapMailbox:
    """Implements `OpenMailbox`."""

    client: imaplib.IMAP4
    uid_validity: int
    _sizes: dict[int, int] = field(default_factory=dict)

    def uids_after(self, uid: int) -> list[int]:
        """See the port; the last mail is always among them, as RFC 3501 has it."""
        found = self._asked("SEARCH", f"UID {uid + 1}:*")
        return [int(word) for part in found if isinstance(part, bytes) for word in part.split() if word.isdigit()]

    def fetch(self, uid: int, *, whole: bool = False) -> Arrived | None:
        """See the port."""
        length = LARGEST if whole else FIRST_OCTETS
        for part in self._asked("FETCH", str(uid), f"(RFC822.SIZE BODY.PEEK[]<0.{length}>)"):
            if isinstance(part, tuple):
                size = re.search(rb"RFC822\.SIZE (\d+)", part[0])
                return Arrived(uid, int(size.group(1)) if size else len(part[1]), part[1])
        return None

    def close(self) -> None:
        """See the port."""
        try:
            self.client.logout()
        except (OSError, imaplib.IMAP4.error):
            return  # it is gone anyway

    def _asked(self, command: str, *words: str) -> list[bytes | tuple[bytes, bytes] | None]:
        try:
            kind, answer = self.client.uid(command, *words)
        except (OSError, imaplib.IMAP4.error) as error:
            raise RemoteUnavailable("mss_unreachable", detail=type(error).__name__) from None
        if kind != "OK":
            raise RemoteUnavailable("mss_busy", detail=command)
        return list(answer)
