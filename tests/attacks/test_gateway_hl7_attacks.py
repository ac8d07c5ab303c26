"""What a hostile or broken sender does to the MLLP door: it stays alive, bounded, and never says AA to what it does not have."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateways.edge.hl7 import msh
from gateways.edge.hl7.acknowledgement import build, parse
from tests.support.gateway import NOW, GatewayProcess, MllpClient, adt, segments
from tests.support.waiting import until

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("attacked")
    settings = {
        "mllp": {"max_connections": 40, "frame_timeout_s": 1.0, "memory_bytes": 24 * MEBIBYTE},
        "dicom": {"modalities": [{"ae_title": "CT1"}], "association_timeout_s": 1.0},
        "spool": str(folder / "spool"),
        "status_file": str(folder / "status.json"),
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    with GatewayProcess(folder, "--config", str(folder / "settings.json")) as process:
        yield process


def resident_bytes(process: GatewayProcess) -> int:
    pages = int(Path(f"/proc/{process.process.pid}/statm").read_text().split()[1])
    return pages * 4096


def figures(process: GatewayProcess) -> dict:
    with urllib.request.urlopen(f"http://127.0.0.1:{process.ports['health_port']}/", timeout=10) as answer:
        return json.load(answer)


def assert_alive(process: GatewayProcess) -> None:
    with MllpClient(process.ports["mllp_port"]) as line:
        assert ["MSA", "AA", "ALIVE"] == segments(line.exchange(adt("ALIVE")))["MSA"]


def throw(process: GatewayProcess, data: bytes) -> None:
    with contextlib.suppress(OSError), MllpClient(process.ports["mllp_port"], 2) as line:
        line.raw(data)
        line.socket.shutdown(socket.SHUT_WR)
        while line.socket.recv(65536):
            pass


def test_random_bytes(gateway: GatewayProcess) -> None:
    chance = random.Random(3)
    before = resident_bytes(gateway)
    for _ in range(60):
        throw(gateway, chance.randbytes(chance.randrange(1, 200_000)))

    assert_alive(gateway)
    assert resident_bytes(gateway) < before + 40 * MEBIBYTE


def test_mutations_of_a_message_are_all_answered_with_its_id_or_none(gateway: GatewayProcess) -> None:
    chance = random.Random(4)
    message = adt("MUTANT", name="ESSAI^GWÉNAËLLE")
    with MllpClient(gateway.ports["mllp_port"]) as line:
        for _ in range(400):
            body = bytearray(message)
            for _ in range(chance.randrange(1, 5)):
                body[chance.randrange(len(body))] = chance.choice([0, 9, 10, 13, 124, 94, 126, 92, 38, 65, 200, 255])
            answer = line.exchange(bytes(body))

            parsed = parse(answer)
            assert parsed is not None, "not an acknowledgement"
            assert parsed.code in ("AA", "AE")
            assert parsed.message_id.encode("latin-1") in body


@pytest.mark.parametrize(
    "data",
    [
        b"\x0b" * 300_000,
        b"\x1c" * 300_000,
        b"\x0b\x1c\r" * 20_000,
        b"\x0bMSH|^~\\&" * 20_000,
        b"\x0bMSH" + b"|" * 300_000 + b"\x1c\r",
        b"\x0b" + b"MSH|^~\\&|\r" * 20_000 + b"\x1c\r",
        b"\x0b" + b"\r" * 300_000 + b"\x1c\r",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 100,
        b"\x0b" + b"MSH|^~\\&|A|B|C|D|1||ADT^A28|" + b"9" * 2_000_000 + b"|P|2.5\r\x1c\r",
    ],
    ids=["starts", "ends", "empty frames", "nested", "fields", "headers", "blank lines", "http", "tls", "endless id"],
)
def test_shapes_that_cost_too_much_elsewhere(gateway: GatewayProcess, data: bytes) -> None:
    throw(gateway, data)
    assert_alive(gateway)


def test_giant_frames_are_refused_and_memory_is_bounded(gateway: GatewayProcess) -> None:
    before = resident_bytes(gateway)
    for _ in range(3):
        with MllpClient(gateway.ports["mllp_port"], 20) as line:
            line.raw(b"\x0b" + adt("GIANT"))
            with contextlib.suppress(OSError):
                for _ in range(40):
                    line.raw(b"x" * MEBIBYTE)
            assert segments(line.answer() or b"\r").get("MSA", ["", "AE"])[1] in ("AE", "AR")

    assert_alive(gateway)
    assert resident_bytes(gateway) < before + 80 * MEBIBYTE


def test_slow_senders_do_not_keep_the_others_out(gateway: GatewayProcess) -> None:
    slow = []
    for _ in range(40):
        slow.append(MllpClient(gateway.ports["mllp_port"]))
        slow[-1].raw(b"\x0bMSH|")
    until(lambda: figures(gateway)["hl7"]["connections"] < 20, 10)

    assert_alive(gateway)
    for line in slow:
        line.socket.close()


def test_connections_that_say_nothing_make_room_for_those_that_speak(gateway: GatewayProcess) -> None:
    idle = [MllpClient(gateway.ports["mllp_port"]) for _ in range(60)]

    def speaks() -> bool:
        with contextlib.suppress(OSError, AssertionError):
            assert_alive(gateway)
            return True
        return False

    until(speaks, 10)
    for line in idle:
        line.socket.close()


def test_an_answer_is_never_larger_than_the_header_it_repeats() -> None:
    frame = b"MSH|^~\\&|" + b"A" * 500 + b"|B|C|D|1||ADT^A28|1|P|2.5\rPID|" + b"x" * 100_000
    header = msh.read(frame).header

    assert len(build(header, "AE", now=NOW, control_id="1")) < 1000
