# ruff: noqa: D102, N802 (aiosmtpd's names, each documented there)
"""The SMTP side of an operator: submission under STARTTLS and a client's certificate, AUTH PLAIN, delivery reports on demand.

aiosmtpd knows no DSN: the parameters of RFC 3461 are cut out of MAIL and RCPT before it reads them.

Faults, by point (`{"schedule": {point: [fault, …]}}`; `times` repeats one):

| point | faults |
|---|---|
| `connection auth mail rcpt rcpt:{address}` | `cut`; `{"fault": "reply", "code": 451, "text": "4.3.0 …"}` |
| `data data:{address}` | the same, and `cut_before_dot` (closed while the mail comes: nothing is kept), `cut_after_dot` (kept and passed on, closed without a reply), `{"fault": "slow", "seconds": n}` (the reply comes that much later), `wait` (it comes when the control door says `{"reply": true}`) |

Source: RFC 5321, RFC 3207, RFC 4954, RFC 4616, RFC 3461.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
from collections import defaultdict
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session, TLSSetupException

from infra.local.services.mss_mailboxes import Mailbox
from infra.local.services.mss_operator import Operator, Recipient, Taken
from infra.local.services.mss_trust import client_of

COMMAND_MAXIMUM = 4096
LINE_BUFFER = 1 << 16
XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*\Z")
NOTIFY = frozenset({"SUCCESS", "FAILURE", "DELAY"})

logging.getLogger("mail.log").setLevel(logging.CRITICAL)


class Cut(BaseException):
    """The connection is closed by a scheduled fault; no Exception, since aiosmtpd answers those."""


class _Envelope(Envelope):
    """An envelope with the parameters of RFC 3461."""

    def __init__(self) -> None:
        super().__init__()
        self.envelope_id, self.ret, self.eight_bit = "", "", False
        self.recipients: list[Recipient] = []


class OperatorSmtp(SMTP):
    """One connection.

    Args:
        operator: What stands behind the door.
    """

    command_size_limit = COMMAND_MAXIMUM
    command_size_limits: dict[str, int] = defaultdict(lambda: COMMAND_MAXIMUM)  # noqa: RUF012 (aiosmtpd's own shape)
    line_length_limit = LINE_BUFFER

    def __init__(self, operator: Operator, **more: Any) -> None:
        self._operator = operator
        super().__init__(
            _Handler(operator),
            hostname=f"smtp.{operator.domain}",
            ident="ESMTP",
            require_starttls=True,
            auth_required=True,
            auth_exclude_mechanism=["LOGIN"],
            authenticator=self._authenticated,
            **more,
        )

    def _create_envelope(self) -> _Envelope:
        return _Envelope()

    async def _handle_client(self) -> None:
        if self._operator.script.next_fault("connection"):
            self.transport.abort()
            return
        try:
            await super()._handle_client()
        except Cut:
            self.transport.abort()

    async def smtp_AUTH(self, arg: str) -> None:
        if not await self._scheduled("auth"):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg: str | None) -> None:
        if await self._scheduled("mail"):
            return
        rest, said = _split(arg or "", {"ENVID", "RET"})
        envelope_id, ret = said.get("ENVID", ""), said.get("RET", "").upper()
        if said.get("") or not XTEXT.match(envelope_id) or len(envelope_id) > 100 or ret not in {"", "FULL", "HDRS"}:
            await self.push("501 5.5.4 Bad ENVID or RET")
            return
        self.envelope.envelope_id, self.envelope.ret = decoded(envelope_id), ret
        await super().smtp_MAIL(rest)

    async def smtp_RCPT(self, arg: str | None) -> None:
        rest, said = _split(arg or "", {"NOTIFY", "ORCPT"})
        address = re.sub(r".*<([^<>]*)>.*", r"\1", rest).lower()
        if await self._scheduled("rcpt") or await self._scheduled(f"rcpt:{address}"):
            return
        notify = {word.upper() for word in said.get("NOTIFY", "").split(",") if word}
        kind, _, original = said.get("ORCPT", "").partition(";")
        sound = notify <= NOTIFY or notify == {"NEVER"}
        if said.get("") or not sound or not XTEXT.match(original) or ("ORCPT" in said and kind.lower() != "rfc822"):
            await self.push("501 5.5.4 Bad NOTIFY or ORCPT")
            return
        before = len(self.envelope.rcpt_tos)
        await super().smtp_RCPT(rest)
        if len(self.envelope.rcpt_tos) > before:
            self.envelope.recipients.append(
                Recipient(self.envelope.rcpt_tos[-1].lower(), frozenset(notify), decoded(original), said.get("ORCPT", ""))
            )

    async def smtp_DATA(self, arg: str) -> None:
        script = self._operator.script
        named = [f"data:{recipient.address}" for recipient in self.envelope.recipients]
        fault = next(filter(None, (script.next_fault(point) for point in (*named, "data"))), {})
        if fault.get("fault") == "cut":
            raise Cut
        if fault.get("fault") == "cut_before_dot" and self.envelope.recipients:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            await self._reader.read(1024)
            raise Cut
        self.event_handler.fault = fault
        await super().smtp_DATA(arg)

    async def _scheduled(self, point: str) -> bool:
        """Play the next fault of a point; tell whether there was one."""
        fault = self._operator.script.next_fault(point)
        if fault.get("fault") == "reply":
            await self.push(f"{fault['code']} {fault.get('text', '4.3.0 Scheduled by the control door')}")
        elif fault:
            raise Cut
        return bool(fault)

    async def handle_exception(self, error: Exception) -> str:
        if isinstance(error, TLSSetupException):
            self._operator.script.count("smtp_logins", "tls_refused")
            self._operator.script.note(door="smtp", outcome="tls_refused", reason=type(error.__cause__).__name__)
        return "451 4.3.0 The simulator is wrong"

    def _authenticated(self, _: SMTP, session: Session, __: Envelope, mechanism: str, data: Any) -> AuthResult:
        """Compare login, password and certificate with the mailbox's line."""
        assert isinstance(data, LoginPassword)
        address = data.login.decode("utf-8", "replace").lower()
        box, client = self._operator.mailboxes.find(address), client_of(self.transport)
        allowed = mechanism == "PLAIN" and box is not None and box.accepts(client) and _same(box, data.password)
        self._operator.script.count("smtp_logins", f"{address} {'ok' if allowed else 'refused'}")
        if not allowed:
            self._operator.script.note(door="smtp", outcome="login_refused", mailbox=address)
            return AuthResult(success=False, handled=False, message="535 5.7.8 Authentication credentials invalid")
        session.mailbox = address  # type: ignore[attr-defined]
        return AuthResult(success=True)


class _Handler:
    """What aiosmtpd asks at each command."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self.fault: dict[str, Any] = {}

    async def handle_EHLO(self, _: SMTP, session: Session, __: Envelope, hostname: str, lines: list[str]) -> list[str]:
        session.host_name = hostname
        return [*lines[:-1], "250-DSN", "250-ENHANCEDSTATUSCODES", lines[-1]]

    async def handle_MAIL(self, _: SMTP, session: Session, envelope: _Envelope, address: str, options: list[str]) -> str:
        if address.lower() != session.mailbox:  # type: ignore[attr-defined]
            return "550 5.7.1 Sender is not the mailbox that logged in"
        envelope.mail_from, envelope.eight_bit = address.lower(), "BODY=8BITMIME" in options
        return "250 2.1.0 Ok"

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: _Envelope, address: str, ___: list[str]) -> str:
        fate = self._operator.mailboxes.at_rcpt(address)
        if fate.kind == "refused":
            self._operator.script.note(door="smtp", outcome=fate.status, recipient=address.lower())
            return fate.words
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: _Envelope) -> str:
        fault, self.fault = self.fault, {}
        content, mailbox = bytes(envelope.original_content or b""), str(session.mailbox)  # type: ignore[attr-defined]
        taken = Taken(
            content, mailbox, str(envelope.mail_from), envelope.recipients, envelope.envelope_id, envelope.ret, envelope.eight_bit, client_of(server.transport)
        )  # fmt: skip
        reply = await self._operator.take(taken, fault)
        if fault.get("fault") == "slow":
            await asyncio.sleep(float(fault["seconds"]))
        if fault.get("fault") == "wait":
            await asyncio.to_thread(self._operator.script.wait_to_be_told)
        if fault.get("fault") == "cut_after_dot":
            raise Cut
        return reply


def decoded(xtext: str) -> str:
    """Return the text that xtext stands for (RFC 3461 §4)."""
    return re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), xtext)


def _same(box: Mailbox, password: bytes) -> bool:
    return hmac.compare_digest(box.password.encode(), password)


def _split(arg: str, names: set[str]) -> tuple[str, dict[str, str]]:
    """Return the argument without the named parameters, and these; the empty key tells that one stood twice or was empty."""
    head, bracket, tail = arg.rpartition(">")
    kept, said = [], {}
    for word in tail.split():
        name, _, value = word.partition("=")
        if name.upper() in names:
            if name.upper() in said or not value:
                said[""] = "yes"
            said[name.upper()] = value
        else:
            kept.append(word)
    return " ".join([head + bracket, *kept]), said
