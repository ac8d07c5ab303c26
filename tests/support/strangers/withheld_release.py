"""A go-between that hands everything on but the answer to a release, and hangs up instead.

gdcm (3.0.21 and 3.2.6 tried) ends itself when it reads an A-RELEASE-RP, from any server: it closes its stream as PS3.8 AR-3 says and
then asks for it again. What it read before is printed only when no reply comes. So a server that answers a release as the standard
says can be compared with it only through this.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

RELEASE_REPLY = 6


@contextlib.contextmanager
def withheld_release(port: int) -> Iterator[tuple[int, list[int]]]:
    """Give a port that leads to the server's, and the types of the PDUs the server has sent, the withheld one included."""
    sent: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=_serve, args=(door, port, sent), daemon=True)
        thread.start()
        yield door.getsockname()[1], sent
        door.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def _serve(door: socket.socket, port: int, sent: list[int]) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = door.accept()
            with client, socket.create_connection(("127.0.0.1", port), 10) as server:
                up = threading.Thread(target=_hand_on, args=(client, server), daemon=True)
                up.start()
                with contextlib.suppress(OSError), server.makefile("rb") as stream:
                    while len(head := stream.read(6)) == 6:
                        sent.append(head[0])
                        if head[0] == RELEASE_REPLY:
                            break
                        client.sendall(head + stream.read(int.from_bytes(head[2:], "big")))
                client.shutdown(socket.SHUT_RDWR)
                up.join(10)


def _hand_on(client: socket.socket, server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := client.recv(65536):
            server.sendall(data)
