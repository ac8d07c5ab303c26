"""What a mail operator does with a mail: judge it, keep it, pass it on, and let the other end answer when and how it was told to.

Evidence: `NNN.eml`, the DATA byte for byte (the dots that SMTP adds taken away), and `NNN.json`: envelope, TLS, client's certificate, findings,
reply. Every DATA that came whole has both, refused ones too.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.local.services import mss_answers, mss_lint
from infra.local.services.mss_mailboxes import Fate, Mailboxes
from infra.local.services.mss_trust import Client
from infra.local.services.recorder import Recorder
from infra.local.services.soap_faults import SoapScript

PLANS: dict[str, list[dict[str, Any]]] = {
    "none": [],
    "dsn": [{"answer": "dsn"}],
    "dsn+mdn": [{"answer": "dsn"}, {"answer": "mdn"}],
    "dsn+read": [{"answer": "dsn"}, {"answer": "mdn", "disposition": "displayed"}],
    "mdn": [{"answer": "mdn"}],
}
USUAL = {"professional": "dsn+mdn", "patient": "dsn", "applicative": "dsn"}
Deliver = Callable[[str, bytes], Awaitable[object]]


@dataclass(frozen=True)
class Recipient:
    """One RCPT: `notify` in upper case, `original` the address of ORCPT without its xtext."""

    address: str
    notify: frozenset[str] = frozenset()
    original: str = ""
    orcpt: str = ""


@dataclass(frozen=True)
class Taken:
    """One DATA that came whole, with its envelope."""

    content: bytes
    mailbox: str
    mail_from: str
    recipients: list[Recipient]
    envelope_id: str = ""
    ret: str = ""
    eight_bit: bool = False
    client: Client | None = None


@dataclass(frozen=True)
class _Kept:
    """A mail that was taken for one recipient, its octets in the evidence."""

    file: Path
    mail: mss_answers.Mail
    recipient: Recipient
    asked_mdn: bool


@dataclass
class _Count:
    """How often one Message-ID came, and for whom."""

    accepted: int = 0
    refused: int = 0
    recipients: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    envelope_ids: set[str] = field(default_factory=set)
    numbers: list[int] = field(default_factory=list)
    returned: set[str] = field(default_factory=set)

    def facts(self) -> dict[str, Any]:
        """Return what the control door shows."""
        ids = sorted(self.envelope_ids)
        return {
            "accepted": self.accepted,
            "refused": self.refused,
            "recipients": dict(self.recipients),
            "envelope_ids": ids,
            "numbers": self.numbers,
            "returned": sorted(self.returned),
        }


class Operator:
    """One operator.

    Args:
        domain: Its own domain, which signs delivery reports.
        linter: `refuse` or `record`.
    """

    def __init__(self, *, mailboxes: Mailboxes, recorder: Recorder, domain: str, linter: str = "refuse") -> None:
        if linter not in {"refuse", "record"}:
            raise ValueError("the linter refuses or records")
        self.mailboxes, self.domain, self.script = mailboxes, domain, SoapScript()
        self.script.extra = lambda: {
            "messages": {i: count.facts() for i, count in self._counts.items()},
            "held": len(self._held),
        }
        self._recorder, self._refuses = recorder, linter == "refuse"
        self._plans: dict[str, deque[list[dict[str, Any]]]] = defaultdict(deque)
        self._counts: dict[str, _Count] = defaultdict(_Count)
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._held: deque[tuple[_Kept, dict[str, Any]]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self.deliver: Deliver = _nowhere

    async def take(self, taken: Taken, fault: dict[str, Any]) -> str:
        """Judge one mail, keep it and start what comes of it; return the reply to its final dot."""
        subject, message_id, mdn = _read_headers(taken.content)
        wrong = await asyncio.to_thread(mss_lint.findings, taken.content, self._sent(taken), self.mailboxes.trusted)
        reply = "250 2.0.0 Ok: queued"
        if fault.get("fault") == "reply":
            reply = f"{fault['code']} {fault.get('text', '4.3.0 Scheduled by the control door')}"
        elif wrong and self._refuses:
            reply = f"550 5.6.0 {wrong[0].rule}: {wrong[0].text}"
        number = self._recorder.number()
        accepted = reply.startswith("250")
        file = self._record(number, taken, reply, message_id, [{"rule": w.rule, "text": w.text} for w in wrong])
        self._count(number, taken, message_id, accepted)
        if accepted:
            for recipient in taken.recipients:
                mail = mss_answers.Mail(
                    b"", taken.mail_from, recipient.address, message_id, taken.envelope_id, recipient.original, taken.ret == "FULL", subject
                )  # fmt: skip
                await self._pass_on(_Kept(file, mail, recipient, mdn), len(taken.content))
        return reply

    def plan(self, address: str, plans: list[Any]) -> None:
        """Say how an address answers its next mails: one plan a mail, each a name or a list of steps."""
        known = [PLANS[plan] if isinstance(plan, str) else list(plan) for plan in plans]
        if any(step.get("answer") not in mss_answers.WRITERS for plan in known for step in plan):
            raise ValueError(f"an answer is one of {sorted(mss_answers.WRITERS)}")
        self._plans[address.lower()].extend(known)

    def answer_now(self, message_id: str, recipient: str, steps: list[dict[str, Any]]) -> None:
        """Let a recipient answer a mail that was taken long ago.

        Raises:
            KeyError: No such mail was taken.
        """
        self._start(self._play(self._kept[message_id, recipient.lower()], steps))

    def release(self, asked: dict[str, Any]) -> None:
        """Send the answers that were held: of a recipient or of a Message-ID if one is named, the last first if `reverse`."""
        chosen = [
            one
            for one in self._held
            if asked.get("recipient", one[0].mail.recipient).lower() == one[0].mail.recipient
            and asked.get("message_id", one[0].mail.message_id) == one[0].mail.message_id
        ]
        self._held = deque(one for one in self._held if one not in chosen)
        ordered = reversed(chosen) if asked.get("reverse") else chosen
        self._start(self._send_all([(kept, {**step, "hold": False}) for kept, step in ordered]))

    def _sent(self, taken: Taken) -> mss_lint.Sent:
        addresses = [recipient.address for recipient in taken.recipients]
        domains = {address: self.mailboxes.domain(address) for address in addresses}
        return mss_lint.Sent(taken.mailbox, addresses, domains, taken.eight_bit)

    def _record(self, number: int, taken: Taken, reply: str, message_id: str, findings: list[dict[str, str]]) -> Path:
        file = self._recorder.write(number, ".eml", taken.content)
        facts = {
            "envelope": {
                "mail_from": taken.mail_from,
                "envelope_id": taken.envelope_id,
                "ret": taken.ret,
                "recipients": [{"address": r.address, "notify": sorted(r.notify), "orcpt": r.orcpt} for r in taken.recipients],
            },
            "login": taken.mailbox,
            **(taken.client.facts() if taken.client else {"tls": None, "client_certificate": None}),
            "message_id": message_id,
            "size": len(taken.content),
            "findings": findings,
            "reply": reply,
        }
        self._recorder.write(number, ".json", json.dumps(facts, ensure_ascii=False, indent=2).encode() + b"\n")
        return file

    def _count(self, number: int, taken: Taken, message_id: str, accepted: bool) -> None:
        count = self._counts[message_id]
        count.numbers.append(number)
        count.envelope_ids |= {taken.envelope_id} - {""}
        if not accepted:
            count.refused += 1
            return
        count.accepted += 1
        for recipient in taken.recipients:
            count.recipients[recipient.address] += 1

    async def _pass_on(self, kept: _Kept, size: int) -> None:
        """Let the mail reach its recipient's mailbox or come back."""
        mail, notify = kept.mail, kept.recipient.notify
        self._kept[mail.message_id, mail.recipient] = kept
        fate = self.mailboxes.at_delivery(mail.recipient, size)
        self.script.note(message_id=mail.message_id, recipient=mail.recipient, outcome=fate.status or fate.kind)
        if fate.kind == "bounced":
            if not notify or "FAILURE" in notify:
                self._start(self._play(kept, [_bounce(fate)]))
            return
        box = self.mailboxes.find(mail.recipient)
        if box is not None and box.kind == "applicative":
            await self.deliver(mail.recipient, kept.file.read_bytes())
        self._start(self._play(kept, self._next_plan(mail.recipient)))

    def _next_plan(self, address: str) -> list[dict[str, Any]]:
        if self._plans[address]:
            return self._plans[address].popleft()
        box = self.mailboxes.find(address)
        usual = USUAL["patient" if self.mailboxes.domain(address) == "patient" else box.kind if box else "professional"]
        return PLANS[(box.answers if box else "") or usual]

    def _start(self, playing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(playing)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _play(self, kept: _Kept, steps: list[dict[str, Any]]) -> None:
        await self._send_all([(kept, step) for step in steps])

    async def _send_all(self, answers: list[tuple[_Kept, dict[str, Any]]]) -> None:
        """Send answers in their order, each after its time; those on hold wait for the control door."""
        for kept, step in answers:
            if step.get("hold"):
                self._held.append((kept, step))
                continue
            if step.get("after_s"):
                await asyncio.sleep(float(step["after_s"]))
            asked = _asked(kept, step)
            if asked is None:
                continue
            mail = replace(kept.mail, content=kept.file.read_bytes())
            content = mss_answers.answer(asked, mail, operator=self.domain, at=datetime.now(UTC))
            for _ in range(int(step.get("times", 1))):
                await self.deliver(mail.sender, content)
                self.script.count("answers", str(asked["answer"]))
            if asked["answer"] == "ko" or asked.get("code") or asked.get("action") == "failed":
                self._counts[mail.message_id].returned.add(mail.recipient)


def _bounce(fate: Fate) -> dict[str, Any]:
    return {"answer": "dsn", "action": "failed", "status": fate.status, "words": fate.words}


def _asked(kept: _Kept, step: dict[str, Any]) -> dict[str, Any] | None:
    """Return the step as the sender's own wishes allow it, or None: no report or receipt that was not asked for."""
    notify = kept.recipient.notify
    wanted = {"delivered": "SUCCESS", "relayed": "SUCCESS", "expanded": "SUCCESS", "delayed": "DELAY", "failed": "FAILURE"}
    if step["answer"] == "dsn":
        action = str(step.get("action", "delivered"))
        return step if wanted.get(action, "") in (notify or {"FAILURE", "DELAY"}) else None
    if step["answer"] == "mdn" and not kept.asked_mdn:
        return {**step, "answer": "ko"} if step.get("code") else None
    return step


def _read_headers(content: bytes) -> tuple[str, str, bool]:
    """Return subject, Message-ID and whether a receipt is asked for, of a mail sound or not."""
    head = content.split(b"\r\n\r\n", 1)[0].decode("latin-1").replace("\r\n ", " ").replace("\r\n\t", " ")
    named = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head.split("\r\n"))}
    return named.get("subject", ""), named.get("message-id", ""), bool(named.get("disposition-notification-to"))


async def _nowhere(_: str, __: bytes) -> None:
    """Deliver nothing: no mailbox is kept."""
