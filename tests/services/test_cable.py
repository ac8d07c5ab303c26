"""The cable carries bytes both ways, and when it is cut it does what a cable does."""

import json
import signal
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from infra.local.children import Children, python
from infra.local.services.cable import Cable
from tests.support.waiting import until

SILENT_S = 0.3


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(1 << 16):
            self.server.heard.append(data)
            self.request.sendall(data)


class Far(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        super().__init__(("127.0.0.1", 0), Echo)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def far() -> Iterator[Far]:
    server = Far()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def cable(far: Far) -> Iterator[Cable]:
    laid = Cable(far.server_address[1])
    yield laid
    laid.close()


def near(cable: Cable) -> socket.socket:
    return socket.create_connection(("127.0.0.1", cable.port), 10)


def said(end: socket.socket, data: bytes) -> bytes:
    end.sendall(data)
    return heard(end, len(data))


def heard(end: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count and (part := end.recv(1 << 16)):
        found += part
    return found


def silent(end: socket.socket) -> bool:
    end.settimeout(SILENT_S)
    try:
        end.recv(1)
    except TimeoutError:
        return True
    else:
        return False
    finally:
        end.settimeout(10)


def test_what_goes_in_comes_out_whole_both_ways_and_an_end_is_told(cable: Cable) -> None:
    data = bytes(range(256)) * 4000
    with near(cable) as end:
        threading.Thread(target=end.sendall, args=(data,), daemon=True).start()
        assert heard(end, len(data)) == data
        end.shutdown(socket.SHUT_WR)
        assert end.recv(1) == b""


def test_a_silent_cut_holds_what_is_on_its_way_and_takes_new_connections_that_lead_nowhere(cable: Cable, far: Far) -> None:
    with near(cable) as old:
        assert said(old, b"before") == b"before"
        cable.command({"cut": "silent"})
        with near(cable) as new:
            old.sendall(b"old")
            new.sendall(b"new")
            assert silent(old)
            assert silent(new)
            assert far.heard == [b"before"]

            cable.command({"mend": True})

            assert (heard(old, 3), heard(new, 3)) == (b"old", b"new")


def test_a_refusing_cut_resets_what_is_open_and_what_comes_and_nothing_of_it_arrives_later(cable: Cable, far: Far) -> None:
    with near(cable) as old, near(cable) as held:
        assert said(old, b"before") == b"before"
        cable.command({"cut": "silent"})
        held.sendall(b"lost")
        cable.command({"cut": "refused"})
        for end in (old, held):
            with pytest.raises(ConnectionResetError):
                end.recv(1)
    with pytest.raises(ConnectionResetError), near(cable) as new:
        new.recv(1)

    cable.command({"mend": True})

    with near(cable) as after:
        assert said(after, b"after") == b"after"
    assert far.heard == [b"before", b"after"]
    events = [(note["event"], note["how"]) for note in cable.script.report()["received"]]
    assert events == [("cut", "silent"), ("cut", "refused"), ("mended", "")]
    assert [note["asked"] for note in cable.script.report()["received"]] == [2, 0, 1]


@pytest.mark.parametrize("asked", [{"cut": "slowly"}, {"cut": "silent", "mend": True}, {"mend": False}, {}])
def test_what_is_no_cut_is_refused_and_changes_nothing(cable: Cable, asked: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="silent"):
        cable.command(asked)

    with near(cable) as end:
        assert said(end, b"x") == b"x"


def test_an_end_that_is_not_there_is_told(cable: Cable, far: Far) -> None:
    far.shutdown()
    far.server_close()

    with pytest.raises(ConnectionResetError), near(cable) as end:
        end.recv(1)


def test_as_a_process_it_is_cut_by_its_control_door_and_ends_when_told(far: Far, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"status_file": str(tmp_path / "status"), "to": far.server_address[1]}))
    with Children() as children:
        child = children.spawn("cable", python("infra.local.services.cable", "--config", str(config)))
        until((tmp_path / "status").exists)
        status = json.loads((tmp_path / "status").read_text())
        with socket.create_connection(("127.0.0.1", status["port"]), 10) as end:
            assert said(end, b"x") == b"x"
            answers = [
                urllib3.request("POST", status["control"], body=json.dumps(body)) for body in ({"cut": "refused"}, {"cut": "x"})
            ]
            assert [answer.status for answer in answers] == [200, 400]
            with pytest.raises(ConnectionResetError):
                end.recv(1)
        child.process.send_signal(signal.SIGTERM)
        assert child.process.wait(10) == 0
