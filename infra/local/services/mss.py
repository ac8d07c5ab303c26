"""An MSSante operator on free ports: submission, mailboxes, autoconfiguration. `python -m infra.local.services.mss`.

Settings: `{"status_file", "evidence", "tls": {"certificate", "key", "ca", "crl"?, "more_ca"?, "latest"?}, "domain"?, "mailboxes"?: [csv, …],
"domains"?: [csv, …], "linter"?: "refuse" | "record", "unknown_patient"?: "open" | "bounced", "professional_limit_mb"?: 10,
"size_limit_mb"?: 40}`. Status: `{"host", "smtp_port", "imap_port", "autoconfig", "control", "pid"}`.

Control: `GET` shows what came (`received`), how often each Message-ID did (`messages`: accepted, refused, by recipient, ENVIDs, evidence
numbers, recipients for whom it came back), logins, answers sent and held. `POST {"schedule": …}`: faults (`mss_smtp`; points `imap`, `imap_login` too). Also:

- `{"receipts": {address: [plan, …]}}` how an address answers its next mails; a plan is a name (`none dsn dsn+mdn dsn+read mdn`) or a list of
  steps (`mss_answers`), each with `after_s`, `times`, `hold`;
- `{"answer": {"message_id", "recipient", "steps"}}` an answer now, to a mail taken before;
- `{"release": {"recipient"?, "message_id"?, "reverse"?}}` the answers on hold;
- `{"mailbox": {"address", "kind", "state", "limit_mb", "answers", "password"}}` another mailbox, or one that changes;
- `{"put": {"mailbox", "eml"}}` any mail, as base64, into a mailbox; `{"renew": address}` another UIDVALIDITY.
"""

from __future__ import annotations

import asyncio
import threading
from base64 import b64decode
from collections.abc import Coroutine
from dataclasses import fields, replace
from html import escape
from pathlib import Path
from typing import Any

from infra.local.services.control import ControlDoor
from infra.local.services.http_door import HttpDoor, Reply, Request, server_tls
from infra.local.services.mss_imap import ImapDoor
from infra.local.services.mss_mailboxes import MEGABYTE, Mailbox, Mailboxes
from infra.local.services.mss_operator import Operator
from infra.local.services.mss_smtp import OperatorSmtp
from infra.local.services.mss_trust import MailTrust
from infra.local.services.process import serve_until_told, settings, tell
from infra.local.services.recorder import Recorder

DATA = Path(__file__).with_name("data")
AUTOCONFIG = "/mail/config-v1.1.xml"


class MssDoors:
    """One operator behind its doors; an event loop of its own runs in a thread.

    Args:
        size_limit: Bytes above which MAIL and DATA refuse, whoever it is for.
    """

    def __init__(
        self, operator: Operator, trust: MailTrust, *, size_limit: int = 40 * MEGABYTE, ports: tuple[int, int] = (0, 0)
    ) -> None:
        self._operator, self._trust, self._size_limit = operator, trust, size_limit
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="mss", daemon=True).start()
        self._imap = ImapDoor(trust.context, operator.mailboxes, operator.script)
        operator.deliver = self._into
        self._smtp: asyncio.Server = self._run(self._open(ports))
        smtp_port = self._smtp.sockets[0].getsockname()[1]
        self._control = ControlDoor(operator.script, self._command)
        answer = autoconfig(operator.domain, smtp_port, self._imap.port)
        self._autoconfig = HttpDoor(answer, tls=server_tls(trust.certificate, trust.key))
        self.status: dict[str, Any] = {
            "host": "127.0.0.1",
            "smtp_port": smtp_port,
            "imap_port": self._imap.port,
            "autoconfig": self._autoconfig.url + AUTOCONFIG,
            "control": f"{self._control.url}/control",
        }

    def close(self) -> None:
        """Close every door."""
        closing = [threading.Thread(target=door.close) for door in (self._control, self._autoconfig)]
        for one in closing:
            one.start()
        self._run(self._shut())
        for one in closing:
            one.join()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def mails(self, address: str) -> list[bytes]:
        """Return what a mailbox holds."""
        return self._imap.mails(address)

    def _run(self, asked: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result(20)

    async def _open(self, ports: tuple[int, int]) -> asyncio.Server:
        boxes = [box.address for box in self._operator.mailboxes.every() if box.kind == "applicative"]
        await self._imap.open(boxes, ports[1])
        return await self._loop.create_server(self._connection, "127.0.0.1", ports[0], backlog=128)

    async def _shut(self) -> None:
        self._smtp.close()
        await self._imap.close()

    def _connection(self) -> OperatorSmtp:
        return OperatorSmtp(self._operator, tls_context=self._trust.context(), loop=self._loop, data_size_limit=self._size_limit)

    async def _into(self, address: str, content: bytes) -> None:
        if self._imap.holds(address):
            await self._imap.append(address, content)

    def _command(self, body: dict[str, Any]) -> None:
        """Do what the control door was asked."""
        self._run(self._commanded(body))

    async def _commanded(self, body: dict[str, Any]) -> None:
        for address, plans in body.pop("receipts", {}).items():
            self._operator.plan(address, plans)
        if "answer" in body:
            asked = body.pop("answer")
            self._operator.answer_now(asked["message_id"], asked["recipient"], asked["steps"])
        if "release" in body:
            self._operator.release(body.pop("release"))
        if "mailbox" in body:
            await self._change(body.pop("mailbox"))
        if "put" in body:
            put = body.pop("put")
            await self._imap.append(put["mailbox"], b64decode(put["eml"]))
        if "renew" in body:
            await self._imap.renew(body.pop("renew"))
        if body:
            raise ValueError(f"the operator knows no {sorted(body)}")

    async def _change(self, asked: dict[str, Any]) -> None:
        address = str(asked["address"]).lower()
        limit = {"limit": int(float(asked.pop("limit_mb")) * MEGABYTE)} if "limit_mb" in asked else {}
        if not set(asked) <= {field.name for field in fields(Mailbox)}:
            raise ValueError("a mailbox has no such field")
        before = self._operator.mailboxes.find(address) or Mailbox(address, asked.get("kind", "professional"))
        box = replace(before, **{**asked, "address": address}, **limit)
        self._operator.mailboxes.put(box)
        if box.kind == "applicative" and not self._imap.holds(address):
            await self._imap.make(address)


def autoconfig(domain: str, smtp_port: int, imap_port: int) -> Any:
    """Return what answers for Mozilla's configuration document of a domain."""
    servers = "".join(
        f'<{tag} type="{kind}"><hostname>127.0.0.1</hostname><port>{port}</port><socketType>STARTTLS</socketType>'
        f"<authentication>password-cleartext</authentication><username>%EMAILADDRESS%</username></{tag}>"
        for tag, kind, port in (("incomingServer", "imap", imap_port), ("outgoingServer", "smtp", smtp_port))
    )
    name = escape(domain)
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<clientConfig version="1.1"><emailProvider id="{name}"><domain>{name}</domain>'
        f"<displayName>{name}</displayName><displayShortName>{name}</displayShortName>{servers}</emailProvider></clientConfig>\n"
    )

    def answer(request: Request) -> Reply:
        if request.method != "GET" or request.path != AUTOCONFIG:
            return Reply(404)
        return Reply(200, document.encode(), {"Content-Type": "text/xml; charset=utf-8"})

    return answer


def operator_of(config: dict[str, Any]) -> Operator:
    """Return the operator that settings describe."""
    mailboxes = Mailboxes(
        config.get("mailboxes") or [DATA / "mss_mailboxes.csv"],
        config.get("domains") or [DATA / "mss_domains.csv"],
        professional_limit=int(float(config.get("professional_limit_mb", 10)) * MEGABYTE),
        unknown_patient=config.get("unknown_patient", "open"),
    )
    recorder, domain = Recorder(config["evidence"]), config.get("domain", "demo.mssante.fr")
    return Operator(mailboxes=mailboxes, recorder=recorder, domain=domain, linter=config.get("linter", "refuse"))


def main() -> None:
    """Serve until told to stop."""
    config = settings("MSSante operator")
    size = int(float(config.get("size_limit_mb", 40)) * MEGABYTE)
    ports = (config.get("smtp_port", 0), config.get("imap_port", 0))
    doors = MssDoors(operator_of(config), MailTrust(**config["tls"]), size_limit=size, ports=ports)
    tell(config["status_file"], doors.status)
    serve_until_told()


if __name__ == "__main__":
    main()
