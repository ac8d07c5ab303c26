"""Listeners of others that answer AA to everything: `python mllp_listener.py hl7apy|hl7`; prints its port."""

from __future__ import annotations

import asyncio
import sys
from typing import Any


def serve_hl7apy() -> None:
    from hl7apy.core import Message
    from hl7apy.mllp import AbstractHandler, MLLPServer
    from hl7apy.parser import parse_message

    class Accept(AbstractHandler):  # type: ignore[misc]
        def reply(self) -> str:
            message = parse_message(self.incoming_message, find_groups=False)
            answer = Message("ACK")
            answer.msh.msh_9 = "ACK"
            answer.msa.msa_1, answer.msa.msa_2 = "AA", message.msh.msh_10.value
            text: str = answer.to_mllp()
            return text

    server = MLLPServer("127.0.0.1", 0, {"ADT^A28^ADT_A05": (Accept,)})
    print(server.server_address[1], flush=True)
    server.serve_forever()


async def serve_hl7() -> None:
    from hl7.mllp import start_hl7_server

    async def accept(reader: Any, writer: Any) -> None:
        try:
            while not writer.is_closing():
                message = await reader.readmessage()
                writer.writemessage(message.create_ack())
                await writer.drain()
        except asyncio.IncompleteReadError:
            writer.close()

    server = await start_hl7_server(accept, "127.0.0.1", 0, encoding="utf-8")
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "hl7apy":
        serve_hl7apy()
    else:
        asyncio.run(serve_hl7())
