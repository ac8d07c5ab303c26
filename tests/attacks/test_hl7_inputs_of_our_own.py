"""Inputs of our own invention for the MLLP door: what each is answered, that only AA is kept, and that the line goes on."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import GatewayProcess, MllpClient, adt, segments

HEAD = "MSH|^~\\&|AGENDA|CIM|RIS|CIM|20260302081500||ADT^A28^ADT_A05|{id}|T|2.5|||||FRA|{charset}\r"


def frame(message_id: str, body: str = "EVN||1\rPID|||1\r", *, charset: str = "UNICODE UTF-8", encoding: str = "utf-8") -> bytes:
    return (HEAD.format(id=message_id, charset=charset) + body).encode(encoding)


# id, the frame, MSA-1, and what ERR says: place and code of table 0357
INPUTS: dict[str, tuple[bytes, str, str]] = {
    # 1: a text field that carries a whole message, its lines ended by LF: text, not a second message
    "quoted": (frame("quoted", "OBX|1|TX|1||Reçu :\nMSH|^~\\&|X|Y\nPID|||9\r"), "AA", ""),
    # 2: the same ended by CR: two messages in one frame
    "twice": (frame("twice") + frame("other"), "AE", "MSH^2|100"),
    # 3: a document whose base64 spells the names of batch segments
    "base64": (frame("base64", "OBX|1|ED|1||^^^Base64^" + "MSHFHSBHSBTSFTS" * 40 + "\r"), "AA", ""),
    # 4: a batch trailer alone behind a good message
    "trailer": (frame("trailer", "PID|||1\rBTS|1\r"), "AE", "BTS^1|100"),
    # 5: a UTF-8 message cut inside its last character
    "half": (frame("half", "PID|||1||ESSAI^ZOÉ\r")[:-2], "AE", "MSH^1^18|102"),
    # 6: UTF-8 of a surrogate (CESU-8), which no strict reader takes
    "cesu": (frame("cesu") + b"NTE|||\xed\xa0\xbd\xed\xb8\x80\r", "AE", "MSH^1^18|102"),
    # 7: an overlong encoding of the segment's end
    "overlong": (frame("overlong") + b"NTE|||\xc0\x8dPID|||2\r", "AE", "MSH^1^18|102"),
    # 8: Windows quotes announced as ISO 8859-1
    "windows": (frame("windows", charset="8859/1") + b"NTE|||L\x92essai\r", "AE", "MSH^1^18|102"),
    # 9: a control id made of delimiters of the message: repeated to the byte
    "^~\\&": (frame("^~\\&"), "AA", ""),
    # 10: UTF-16, as an editor saves it
    "": (frame("wide").decode().encode("utf-16"), "AE", "MSH^1|100"),
    # 11: a byte order mark before a good header
    "mark": (b"\xef\xbb\xbf" + frame("mark"), "AE", "MSH^1|100"),
    # 12: a field of two million repetitions
    "tildes": (frame("tildes", "PID|||" + "~" * 2_000_000 + "\r"), "AA", ""),
    # 13: every segment ended by LF, and one CR at the very end: no field of the patient may pass for one of the header
    "lines": (b"MSH|^~\\&|A|B|C|D|2026||ADT^A28|lines|P|2.5\nPID|||1||ESSAI^LOU|NEEEXEMPLE\nPV1||O\r", "AE", "MSH^1|100"),
    # 14: the type of the message erased by two quotes: absent, as a control id of two quotes is
    "untyped": (frame("untyped").replace(b"ADT^A28^ADT_A05", b'""'), "AE", "MSH^1^9|101"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def gateway(folder: Path) -> Iterator[GatewayProcess]:
    with GatewayProcess(folder, "--mllp-port", "0", "--spool", str(folder / "spool")) as process:
        yield process


def kept(folder: Path) -> list[bytes]:
    connection = sqlite3.connect(folder / "spool/spool.sqlite3")
    try:
        return [bytes(row[0]) for row in connection.execute("SELECT body FROM inbound ORDER BY id")]
    finally:
        connection.close()


@pytest.mark.parametrize(
    "name", INPUTS, ids=lambda name: base64.b32encode(name.encode()).decode().strip("=") if "\\" in name else name
)
def test_a_frame_of_our_own_is_answered_as_stated(gateway: GatewayProcess, folder: Path, name: str) -> None:
    payload, code, error = INPUTS[name]
    before = kept(folder)
    with MllpClient(gateway.ports["mllp_port"]) as line:
        answer = segments(line.exchange(payload))
        assert "AA" == segments(line.exchange(adt("NEXT")))["MSA"][1]

    assert ["MSA", code] == answer["MSA"][:2]
    assert "EXEMPLE" not in str(answer)
    if code == "AA":
        assert name == answer["MSA"][2]
    err = answer.get("ERR", ["", "", "", "", ""])
    assert error == (f"{err[2]}|{err[3].partition('^')[0]}" if error else "")
    assert ([payload] if code == "AA" else []) == kept(folder)[len(before) : -1]
