"""The IMAP side of an operator: pymap behind STARTTLS and a client's certificate, each mailbox in memory.

pymap takes 127.0.0.1 for secure and would let in before STARTTLS: here nobody logs in without TLS, a certificate and the mailbox's rule.

Source: RFC 9051 §6.2; Referentiel socle MSSante #2, ECO.1.0.2, ECO.1.2 (application mailboxes).
"""

from __future__ import annotations

import asyncio
import ssl
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime
from typing import Any

from proxyprotocol.sock import SocketInfo, SocketInfoLocal
from pymap.backend.dict import Config, Login
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxSet
from pymap.context import connection_exit, socket_info
from pymap.exceptions import CloseConnection, InvalidAuth
from pymap.imap import IMAPConnection
from pymap.imap.state import ConnectionState
from pymap.parsing.message import AppendMessage
from pymap.parsing.response import ResponseOk
from pymap.user import UserMetadata
from pysasl import SASLAuth
from pysasl.hashing import BuiltinHash
from pysasl.mechanism.plain import PlainMechanism

from infra.local.services.mss_mailboxes import Mailboxes
from infra.local.services.mss_trust import Client, client_of
from infra.local.services.soap_faults import SoapScript

ARGUMENTS = Namespace(passlib_cfg=None, proxy_protocol=None)
READ_LIMIT = 1 << 16


class _Config(Config):
    """Settings whose TLS context is that of the moment."""

    def __init__(self, context: Callable[[], ssl.SSLContext]) -> None:
        super().__init__(
            ARGUMENTS,
            demo_data=False,
            demo_user="",
            demo_password="",
            host="127.0.0.1",
            port=0,
            ssl_context=context(),
            hash_context=BuiltinHash(rounds=1),
            invalid_user_sleep=0.0,
        )
        self._moment = context

    @property
    def ssl_context(self) -> ssl.SSLContext:
        return self._moment()

    @property
    def greeting(self) -> bytes:
        return b"IMAP4rev1 ready"


class _State(ConnectionState):
    """A connection that lets in by certificate and password only."""

    def __init__(self, login: Login, config: _Config, connection: IMAPConnection, door: ImapDoor) -> None:
        super().__init__(login, config)
        self._connection, self._door = connection, door

    async def do_greeting(self) -> Any:
        if self._door.script.next_fault("imap"):
            raise CloseConnection()
        return ResponseOk(b"*", self.config.greeting, self.capability)

    async def do_starttls(self, cmd: Any) -> Any:
        answered = await super().do_starttls(cmd)
        self.auth = SASLAuth([PlainMechanism()])
        return answered

    async def _login(self, creds: Any) -> Any:
        client = client_of(self._connection.writer)
        box = self._door.mailboxes.find(creds.authcid)
        scheduled = bool(self._door.script.next_fault("imap_login"))
        try:
            if box is None or not box.accepts(client) or scheduled:
                raise InvalidAuth()
            session = await super()._login(creds)
        except InvalidAuth:
            self._door.seen(creds.authcid, client, allowed=False)
            raise
        self._door.seen(creds.authcid, client, allowed=True)
        return session


class ImapDoor:
    """The listening side and the mail it holds; lives in one event loop.

    Args:
        context: Gives the TLS context of the moment.
        mailboxes: Who may log in.
    """

    def __init__(self, context: Callable[[], ssl.SSLContext], mailboxes: Mailboxes, script: SoapScript) -> None:
        self.mailboxes, self.script = mailboxes, script
        self._config = _Config(context)
        self._users = Login(self._config)
        self._mails: dict[str, list[bytes]] = {}
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self, boxes: Sequence[str], port: int = 0) -> None:
        """Make the mailboxes and listen."""
        self._config.apply_context()
        for address in boxes:
            await self.make(address)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=READ_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]

    async def make(self, address: str) -> None:
        """Make a mailbox; an empty one takes the place of one that was there, under another UIDVALIDITY."""
        box = self.mailboxes.find(address)
        if box is None:
            raise ValueError("no such mailbox")
        if address not in self._users.users_dict:
            self._users.users_dict[address] = UserMetadata(
                self._config, address, password=self._config.hash_context.hash(box.password)
            )
        self._mails[address] = []
        self._config.set_cache[address] = (MailboxSet(), FilterSet())

    async def renew(self, address: str) -> None:
        """Give a mailbox another UIDVALIDITY and its mails other UIDs, as after a restore."""
        before = self.mails(address)
        known = (await self._inbox(address)).uid_validity
        await self.make(address)
        inbox = await self._inbox(address)
        inbox._uid_validity = max(known + 1, inbox.uid_validity)
        for content in before:
            await self.append(address, content)

    async def append(self, address: str, content: bytes) -> int:
        """Put a mail into a mailbox; return its UID."""
        inbox = await self._inbox(address)
        self._mails[address].append(content)
        message = await inbox.append(AppendMessage(content, datetime.now(UTC), frozenset()), recent=True)
        return int(message.uid)

    def mails(self, address: str) -> list[bytes]:
        """Return what was put into a mailbox, oldest first."""
        return list(self._mails[address])

    def holds(self, address: str) -> bool:
        """Tell whether a mailbox is kept here."""
        return address in self._users.users_dict

    def seen(self, address: str, client: Client | None, *, allowed: bool) -> None:
        """Count a login by mailbox and outcome."""
        self.script.count("imap_logins", f"{address} {'ok' if allowed else 'refused'}")
        if not allowed:
            self.script.note(door="imap", mailbox=address, outcome="login_refused", client=client.facts() if client else None)

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _inbox(self, address: str) -> Any:
        boxes, _ = self._config.set_cache[address]
        return await boxes.get_mailbox("INBOX")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        info: SocketInfo = SocketInfoLocal(writer, unique_id=b"", dnsbl=None)
        self._config.apply_context()
        connection = IMAPConnection(self._config.commands, self._config, reader, writer, info)
        async with AsyncExitStack() as stack:
            connection_exit.set(stack)
            socket_info.set(info)
            stack.enter_context(closing(connection))
            await connection.run(_State(self._users, self._config, connection, self))
