"""The mail as bytes: lines, characters, headers, before anybody reads its meaning.

Source: RFC 5321 §4.5.3.1, RFC 5322 §2.1, §3.6, RFC 2045 §6; Referentiel socle MSSante #2, ECO.2.2-2.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from infra.local.services.mss_archive import Wrong, must

LINE_MAXIMUM = 998
ENCODED_MAXIMUM = 76
MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+>\Z")
ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+\Z")
NAMED = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|([^"<>,;]*?))\s*<([^<>\s]+)>\Z')
HEADER = re.compile(r"[!-9;-~]+\Z")
ONCE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type")
AT_MOST_ONCE = frozenset(
    name.lower()
    for name in (
        *ONCE, "Sender", "Reply-To", "In-Reply-To", "References", "Return-Receipt-To", "Disposition-Notification-To",
        "X-MSS-INS", "X-MSS-CODECDA", "X-MSS-NIL", "X-MSS-MES",
    )
)  # fmt: skip


def check_lines(content: bytes, *, eight_bit: bool) -> None:
    """Check what the octets are.

    Args:
        eight_bit: The envelope says BODY=8BITMIME.

    Raises:
        Wrong: A bare CR or LF, a line too long, a NUL, an octet above 127 in a header or where none was announced.
    """
    must(not re.search(rb"\r(?!\n)|(?<!\r)\n", content), "CRLF", "a line ends otherwise than by CR LF")
    must(b"\x00" not in content, "NUL", "a NUL in the mail")
    must(max(map(len, content.split(b"\r\n")), default=0) <= LINE_MAXIMUM, "LINE_LENGTH", "a line is longer than 998 octets")
    head = content.split(b"\r\n\r\n", 1)[0]
    must(head.isascii(), "HEADER_ASCII", "a header is not ASCII")
    must(eight_bit or content.isascii(), "EIGHT_BIT", "octets above 127 without BODY=8BITMIME")


class Headers:
    """The headers of a mail, unfolded, in their order.

    Raises:
        Wrong: A line that is none, or a header that stands twice.
    """

    def __init__(self, content: bytes) -> None:
        self.pairs = list(_pairs(content.split(b"\r\n\r\n", 1)[0].decode("ascii", "replace")))
        names = [name.lower() for name, _ in self.pairs]
        twice = sorted({name for name in names if name in AT_MOST_ONCE and names.count(name) > 1})
        must(not twice, "HEADER_ONCE", f"{', '.join(twice)} stands more than once")

    def get(self, name: str) -> str:
        """Return the value of a header, or an empty text."""
        return next((value for said, value in self.pairs if said.lower() == name.lower()), "")

    def has(self, name: str) -> bool:
        """Tell whether a header stands there, even empty."""
        return any(said.lower() == name.lower() for said, _ in self.pairs)

    def addresses(self, name: str) -> list[tuple[str, str]]:
        """Return label and address of each mailbox a header names.

        Raises:
            Wrong: One is no address.
        """
        return [address_of(part, name) for part in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,"])+', self.get(name)) if part.strip()]


def address_of(text: str, name: str) -> tuple[str, str]:
    """Return label and address of one mailbox, the address in lower case.

    Raises:
        Wrong: It is none.
    """
    found = NAMED.match(text.strip())
    label, address = ((found[1] or found[2] or "").strip(), found[3]) if found else ("", text.strip())
    must(ADDRESS.match(address), "HEADER_ADDRESS", f"{name} holds no mail address")
    return label, address.lower()


def check_headers(headers: Headers) -> None:
    """Check what every mail of the trust space has, whatever it carries.

    Raises:
        Wrong: The first header that is missing or malformed.
    """
    for name in ONCE:
        must(headers.get(name), "HEADER_MISSING", f"{name} is missing")
    must(MESSAGE_ID.match(headers.get("Message-ID")), "MESSAGE_ID", "Message-ID is no msg-id")
    for name in ("In-Reply-To", "References"):
        ids = headers.get(name).split()
        must(all(MESSAGE_ID.match(one) for one in ids), "MESSAGE_ID", f"{name} holds no msg-id")
        must(ids or not headers.has(name), "MESSAGE_ID", f"{name} is empty")
    must(headers.get("MIME-Version") == "1.0", "MIME", "MIME-Version is 1.0")
    must(headers.get("X-MSS-NIL"), "X_MSS_NIL", "X-MSS-NIL is on every mail")
    must(not headers.has("X-MSS-MES") or headers.get("X-MSS-MES") == "FIN", "X_MSS_MES", "X-MSS-MES says FIN or is absent")
    label, _ = next(iter(headers.addresses("From")), ("", ""))
    must(label and "@" not in label, "FROM_LABEL", "From shows no functional name")
    must("=?" not in headers.get("Subject"), "SUBJECT", "the subject is unaccented ASCII, without encoded words")


def check_encoded(name: str, encoding: str, lines: bytes) -> None:
    """Check the encoded lines of a part.

    Raises:
        Wrong: A line longer than 76 characters in base64 or quoted-printable.
    """
    if encoding in {"base64", "quoted-printable"}:
        longest = max(map(len, lines.split(b"\r\n")), default=0)
        must(longest <= ENCODED_MAXIMUM, "ENCODED_LINE", f"{name}: a line of {encoding} is longer than 76 characters")


def _pairs(head: str) -> Iterator[tuple[str, str]]:
    lines: list[str] = []
    for line in head.split("\r\n"):
        if line[:1] in {" ", "\t"} and lines:
            must(line.strip(), "HEADER_FOLDING", "a folded line holds nothing")
            lines[-1] += line
        else:
            lines.append(line)
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not HEADER.match(name):
            raise Wrong("HEADER_SYNTAX", "a line of the head is no header")
        yield name, value.strip()
