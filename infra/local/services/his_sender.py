"""The hospital's system as a sender: messages from files over MLLP, one connection. `python -m infra.local.services.his_sender`.

Each file goes as it is, byte for byte, and its acknowledgement is waited for. Evidence: `NNN-in-ADT_A04.hl7` and `-ack.hl7` (in:
towards the product). Prints a JSON list, one object a message: `{"file", "code", "control_id", "errors", "milliseconds",
"evidence"}`; `code` is MSA-1, or `none` without an answer in time; `errors` are the ERR segments, raw.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import time
from pathlib import Path
from typing import Any

from infra.local.children import follow_life_pipe
from infra.local.services.mllp import BrokenFrame, FrameReader, framed
from infra.local.services.recorder import Recorder

TYPE = re.compile(rb"MSH\|(?:[^|\r]*\|){7}([A-Z0-9]{3})\^([A-Z0-9]{3})")


def send(connection: socket.socket, reader: FrameReader, message: bytes, recorder: Recorder) -> dict[str, Any]:
    """Send one message, wait for its acknowledgement, record both."""
    found = TYPE.match(message)
    name = f"in-{found[1].decode()}_{found[2].decode()}" if found else "in-unreadable"
    number = recorder.number()
    evidence = [recorder.write(number, f"{name}.hl7", message).name]
    started = time.monotonic()
    try:
        connection.sendall(framed(message))
        ack = reader.next()
    except (OSError, BrokenFrame):
        ack = None
    result = {"code": "none", "control_id": "", "errors": [], "milliseconds": round((time.monotonic() - started) * 1000, 1)}
    if ack is not None:
        evidence.append(recorder.write(number, f"{name}-ack.hl7", ack).name)
        result.update(acknowledged(ack))
    return {**result, "evidence": evidence}


def acknowledged(ack: bytes) -> dict[str, Any]:
    """Return what an acknowledgement says: MSA-1, MSA-2 and its ERR segments."""
    lines = ack.decode("utf-8", "replace").split("\r")
    msa = [*next((line.split("|") for line in lines if line.startswith("MSA|")), ["MSA", "none", ""]), "", ""]
    return {"code": msa[1], "control_id": msa[2], "errors": [line for line in lines if line.startswith("ERR|")]}


def main() -> None:
    """Send the files named, in order."""
    follow_life_pipe()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--evidence", type=Path, required=True)
    parser.add_argument("--timeout-s", type=float, default=10.0)
    parser.add_argument("files", nargs="+", type=Path)
    asked = parser.parse_args()
    recorder = Recorder(asked.evidence)
    with socket.create_connection(("127.0.0.1", asked.port), asked.timeout_s) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = FrameReader(connection)
        results = [{"file": file.name, **send(connection, reader, file.read_bytes(), recorder)} for file in asked.files]
    print(json.dumps(results))


if __name__ == "__main__":
    main()
