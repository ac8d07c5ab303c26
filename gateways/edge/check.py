"""What a site's engineer looks at first: do the doors answer, is the spool written and emptied, is the clock right, are the peers there.

The doors are asked as a peer would: a C-ECHO, and an HL7 frame without a type, whose refusal (AE naming MSH-9) shows that the door
reads and answers, and takes nothing.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateways.edge.config import Settings
from gateways.edge.dicom.echo import NotEchoed, echo
from gateways.edge.hl7 import mllp
from gateways.edge.hl7.acknowledgement import parse
from gateways.edge.status import certificates_of

TIMEOUT_S = 5.0
LATE_S = 300.0
SKEW_S = 5.0
DAYS = 30
GATEWAY = "passerelle"
_PING = b"MSH|^~\\&|RIS|CHECK|RIS|CHECK|%s|||CHECK|T|2.5\r"


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Args:
        what: In French, as the operator reads it.
        fine: Whether it is as it should be.
        said: What was found, no patient value.
    """

    what: str
    fine: bool
    said: str


def doors(settings: Settings, status_file: Path | None = None) -> dict[str, int]:
    """Return the open doors as the status file names them, else, where it lies in a container's volume, the fixed ports of the settings.

    Empty when neither names all of them.
    """
    path = status_file or settings.status_file
    with contextlib.suppress(OSError, ValueError):
        if path is not None:
            named: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
            return named
    fixed = {"health_port": settings.health.port}
    fixed |= {f"{name}_port": door.port for name, door in (("mllp", settings.mllp), ("dicom", settings.dicom)) if door is not None}
    return fixed if all(fixed.values()) else {}


def check(settings: Settings, ports: dict[str, int]) -> Iterator[Finding]:
    """Look at one gateway from its own machine.

    Args:
        ports: Its open doors, see `doors`; empty when it has not started.
    """
    if not ports:
        yield Finding(GATEWAY, False, "n'a pas démarré")
        return
    figures = _figures(ports["health_port"])
    yield Finding(GATEWAY, bool(figures.get("ready")), f"version {figures['version']}" if figures else "ne répond pas")
    if settings.dicom is not None:
        yield _dicom(settings, ports)
    if "mllp_port" in ports:
        yield _mllp(settings, ports["mllp_port"])
    if figures:
        yield from _inside(figures, with_cloud=settings.queues is not None)
    for name, destination in settings.destinations.items():
        yield _peer(name, destination.host, destination.port)
    for one in certificates_of(settings):
        days = (one.not_after - datetime.now(UTC)).days
        yield Finding(f"certificat {one.name}", days > DAYS, f"{days} jours")


def _figures(port: int) -> dict[str, Any]:
    door = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        door.request("GET", "/")
        figures: dict[str, Any] = json.loads(door.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return {}
    finally:
        door.close()
    return figures


def _dicom(settings: Settings, ports: dict[str, int]) -> Finding:
    assert settings.dicom is not None
    calling = settings.dicom.modalities[0].ae_title if settings.dicom.modalities else "RIS_CHECK"
    try:
        echo(_reachable(settings.dicom.host), ports["dicom_port"], called=settings.dicom.ae_title, calling=calling)
    except (OSError, NotEchoed) as error:
        return Finding("DICOM (C-ECHO)", False, str(error) if isinstance(error, NotEchoed) else type(error).__name__)
    return Finding("DICOM (C-ECHO)", True, f"répond à {calling}")


def _mllp(settings: Settings, port: int) -> Finding:
    host = _reachable(settings.mllp.host if settings.mllp else "127.0.0.1")
    ping = _PING % datetime.now(UTC).strftime("%Y%m%d%H%M%S").encode()
    try:
        with socket.create_connection((host, port), TIMEOUT_S) as line:
            line.sendall(mllp.encode(ping))
            answer = _answer(line)
    except OSError as error:
        return Finding("HL7 (MLLP)", False, type(error).__name__)
    fine = answer is not None and (answer.code, answer.message_id) == ("AE", "CHECK")
    return Finding("HL7 (MLLP)", fine, "lit et répond" if fine else "réponse inattendue")


def _answer(line: socket.socket) -> Any:
    decoder = mllp.Decoder()
    while data := line.recv(65536):
        for event in decoder.feed(data):
            return parse(event.payload) if isinstance(event, mllp.Frame) else None
    return None


def _inside(figures: dict[str, Any], *, with_cloud: bool) -> Iterator[Finding]:
    spool = figures.get("spool")
    if spool is not None:
        age = float(spool["oldest_age_s"])
        said = f"{spool['waiting']} en attente, la plus ancienne depuis {age:.0f} s"
        yield Finding("file vers le nuage", bool(spool["healthy"]) and age <= LATE_S, said)
    if not with_cloud:
        return
    age = figures["worklist"]["feed_age_s"]
    said = "rien reçu encore" if age is None else f"nuage entendu il y a {age:.0f} s"
    yield Finding("liste de travail", age is not None and age <= LATE_S, f"{figures['worklist']['steps']} étapes, {said}")
    skew = figures.get("clock_skew_s")
    yield Finding("horloge", skew is not None and abs(skew) <= SKEW_S, "non mesurée" if skew is None else f"écart de {skew:+.1f} s")


def _peer(name: str, host: str, port: int) -> Finding:
    try:
        socket.create_connection((host, port), TIMEOUT_S).close()
    except OSError as error:
        return Finding(f"destinataire {name}", False, type(error).__name__)
    return Finding(f"destinataire {name}", True, "joignable")


def _reachable(host: str) -> str:
    """Return the address at which this very machine reaches a door."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
