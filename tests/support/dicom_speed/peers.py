"""For measuring worklist servers: a folder of steps, the servers that answer from it, and a client in C that asks all of them alike."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydicom.dataset import Dataset

from tests.support.dicom import MWL, associate, find_request
from tests.support.gateway import GatewayProcess
from tests.support.waiting import until
from tests.support.worklist import encoded, part_10, query, step

HERE = Path(__file__).resolve().parent
TITLE = "RISMWL"
PER_DAY = 5
ORTHANC_WORKLISTS = Path("/usr/share/orthanc/plugins/libModalityWorklists.so")


class Served(NamedTuple):
    """A server: its port, and its process, whose children count as itself once they ended."""

    port: int
    process: int

    def cpu_s(self) -> float:
        """Return the CPU time it has used, in seconds."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """What one run of the client saw.

    Args:
        rate: Answered queries a second.
        cpu_us: CPU time of the server for each query, in microseconds.
        queries: How many there were.
        p50_us, p99_us: From connecting to the end of the association, in microseconds.
    """

    rate: float
    queries: int
    answers: int
    failures: int
    cpu_us: float
    p50_us: float
    p99_us: float


def compiled(name: str, folder: Path) -> Path:
    """Compile one of the programs beside this file."""
    out = folder / name
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", out, HERE / f"{name}.c"], check=True)
    return out


def a_folder(root: Path, size: int) -> Path:
    """Write `size` worklist files as dcmtk's and Orthanc's servers read them: five steps a station and day."""
    folder = root / f"steps-{size}"
    (folder / TITLE).mkdir(parents=True)
    (folder / TITLE / "lockfile").touch()
    whole = part_10(
        step(
            AccessionNumber="A0000000",
            PatientID="P0000000",
            PatientName="ESSAI^N0000000",
            StudyInstanceUID="1.2.250.1.99999.80000000",
            RequestedProcedureID="R0000000",
            ScheduledStationAETitle="CT00",
            ScheduledProcedureStepStartDate="20260101",
            ScheduledProcedureStepID="S0000000",
            RequestingPhysician="EXEMPLE^LUC",
            RequestedProcedurePriority="ROUTINE",
        )
    )
    stations = max(1, min(40, size // 50))
    for number in range(size):
        group = number // PER_DAY
        station, day = group % stations, group // stations
        marks = [(b"%c0000000" % letter, b"%c%07d" % (letter, number)) for letter in b"APNRS8"]
        marks += [(b"CT00", b"CT%02d" % station), (b"20260101", b"2026%02d%02d" % (day // 28 + 1, day % 28 + 1))]
        body = whole
        for before, after in marks:
            body = body.replace(before, after)
        (folder / TITLE / f"{number:07d}.wl").write_bytes(body)
    return folder


def a_query() -> Dataset:
    """Return what a modality asks: its station, today, its modality, and the usual return keys."""
    inner = {
        "ScheduledStationAETitle": "CT00",
        "ScheduledProcedureStepStartDate": "20260101",
        "Modality": "CT",
        "ScheduledProcedureStepStartTime": "",
        "ScheduledPerformingPhysicianName": "",
        "ScheduledProcedureStepDescription": "",
        "ScheduledProcedureStepID": "",
        "ScheduledStationName": "",
    }
    top = ("AccessionNumber", "ReferringPhysicianName", "PatientName", "PatientID", "PatientBirthDate", "PatientSex")
    top += ("StudyInstanceUID", "RequestingPhysician", "RequestedProcedureDescription", "RequestedProcedureID")
    return query(inner, **dict.fromkeys((*top, "RequestedProcedurePriority"), ""))


class Client:
    """The client in C, with the bytes it sends."""

    def __init__(self, folder: Path) -> None:
        self._program = compiled("load", folder)
        self._ask, self._query = folder / "associate.bin", folder / "query.bin"
        self._ask.write_bytes(associate(TITLE.encode().ljust(16), b"CT00".ljust(16), contexts=((1, MWL),)))
        self._query.write_bytes(find_request(encoded(a_query(), implicit=True)))

    def measure(self, server: Served, *, clients: int = 16, seconds: float = 3.0) -> Measured:
        """Ask as fast as the server answers."""
        command_line = [self._program, str(server.port), str(clients), str(seconds), self._ask, self._query]
        before = server.cpu_s()
        done = subprocess.run(command_line, capture_output=True, text=True, check=True, timeout=seconds + 180)
        used = server.cpu_s() - before
        queries, answers, failures, took, p50, p99 = done.stdout.split()
        count = int(queries)
        return Measured(count / float(took), count, int(answers), int(failures), used / max(1, count) * 1e6, float(p50), float(p99))


@contextlib.contextmanager
def the_gateway(folder: Path, scratch: Path) -> Iterator[Served]:
    """Serve a folder by the stand-alone gateway, as a user starts it."""
    ready = scratch / "gateway" / "status.json"
    process = GatewayProcess(ready.parent, "--worklist", str(folder), "--dicom-port", "0")
    with contextlib.suppress(AssertionError):  # a long folder is read before the port opens
        until(lambda: ready.exists() or process.process.poll() is not None, 300)
    with process:
        yield Served(process.ports["dicom_port"], process.process.pid)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as peer:
        peer.sendall(associate(TITLE.encode().ljust(16), b"CT00".ljust(16), contexts=((1, MWL),)))
        return peer.recv(1) == b"\2"
    return False


@contextlib.contextmanager
def _served(command_line: list[str], port: int, log: Path) -> Iterator[Served]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            command_line, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env={**os.environ, "TCP_NODELAY": "1"}
        )
        try:
            until(lambda: process.poll() is not None or _answers(port), 60)
            assert process.poll() is None, log.read_text(errors="replace")[-1000:]
            yield Served(port, process.pid)
        finally:
            process.terminate()
            process.wait(20)


@contextlib.contextmanager
def dcmtk(folder: Path, scratch: Path, *options: str) -> Iterator[Served]:
    """Serve a folder by dcmtk's `wlmscpfs`; a process for each association unless `--single-process`."""
    port = _free_port()
    command_line = ["wlmscpfs", "-ll", "fatal", *options, "-dfp", str(folder), str(port)]
    with _served(command_line, port, scratch / f"wlmscpfs-{port}.log") as served:
        yield served


@contextlib.contextmanager
def orthanc(folder: Path, scratch: Path) -> Iterator[Served]:
    """Serve a folder by Orthanc's worklist plugin."""
    port, http = _free_port(), _free_port()
    store = scratch / f"orthanc-{port}"
    store.mkdir()
    settings = {
        "StorageDirectory": str(store),
        "IndexDirectory": str(store),
        "DicomPort": port,
        "HttpPort": http,
        "RemoteAccessAllowed": False,
        "DicomAet": TITLE,
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowFindWorklist": True,
        "DicomThreadsCount": 16,
        "LimitFindResults": 0,
        "Plugins": [str(ORTHANC_WORKLISTS)],
        "Worklists": {"Enable": True, "Database": str(folder / TITLE), "FilterIssuerAet": False, "LimitAnswers": 0},
    }
    path = store / "orthanc.json"
    path.write_text(json.dumps(settings))
    with _served(["Orthanc", str(path)], port, scratch / "orthanc.log") as served:
        yield served


@contextlib.contextmanager
def the_floor(scratch: Path, copied: Served) -> Iterator[Served]:
    """Echo the very bytes that a server answered, by a program in C that looks at nothing."""
    accept, answers = recorded(copied.port)
    (scratch / "accept.bin").write_bytes(accept)
    (scratch / "answers.bin").write_bytes(answers)
    command_line = [compiled("floor", scratch), scratch / "accept.bin", scratch / "answers.bin"]
    process = subprocess.Popen(command_line, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Served(int(process.stdout.readline()), process.pid)
    finally:
        process.kill()
        process.wait(20)


def recorded(port: int) -> tuple[bytes, bytes]:
    """Return the A-ASSOCIATE-AC and the answers that a server gives the client's query."""
    with socket.create_connection(("127.0.0.1", port), 10) as peer:
        peer.sendall(associate(TITLE.encode().ljust(16), b"CT00".ljust(16), contexts=((1, MWL),)))
        accept = _pdus(peer, lambda data: len(data) >= 6 and len(data) >= 6 + int.from_bytes(data[2:6], "big"))
        peer.sendall(find_request(encoded(a_query(), implicit=True)))
        last = b"\x00\x00\x00\x09\x02\x00\x00\x00\x00\x00"
        return accept, _pdus(peer, lambda data: data.endswith(last))


def _pdus(peer: socket.socket, complete: object) -> bytes:
    data = b""
    while not complete(data):  # type: ignore[operator]
        more = peer.recv(65536)
        assert more, "the server closed"
        data += more
    return data


def installed(program: str) -> bool:
    """Return whether a program is here."""
    return shutil.which(program) is not None
