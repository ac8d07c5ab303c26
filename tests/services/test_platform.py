"""The hospital's platform takes reports as the guide has them, refuses the rest, and says later what became of them."""

from __future__ import annotations

import json
import re
import socket
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from infra.local.children import Children, python
from infra.local.services.er7 import Unreadable, read
from infra.local.services.hl7_listener import Application, Listener
from infra.local.services.hospital_platform import Platform, PlatformDoors
from infra.local.services.mllp import FrameReader, framed
from infra.local.services.recorder import Recorder
from infra.local.services.report_rules import read_report
from ris.adapters.dispatch.hl7_report import Flags, Intent
from tests.support.frozen_reports import a_frozen_report
from tests.support.hl7_reports import EVERYBODY, a_replacement, a_report_message
from tests.support.mss import DOCTOR, PATIENT
from tests.support.national import control
from tests.support.waiting import until


class Gateway:
    """Keeps what comes over MLLP and answers AA."""

    def __init__(self) -> None:
        self.received: list[str] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                reader = FrameReader(connection)
                while (frame := reader.next()) is not None:
                    self.received.append(frame.decode())
                    number = read(frame).field("MSH", 10)
                    connection.sendall(framed(f"MSH|^~\\&|G|G|PFI|X|1||ACK^Z01^ACK|{number}|P|2.6\rMSA|AA|{number}\r".encode()))

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    opened = Gateway()
    yield opened
    opened.close()


@pytest.fixture
def platform(tmp_path: Path, gateway: Gateway) -> Iterator[PlatformDoors]:
    doors = PlatformDoors(Platform(recorder=Recorder(tmp_path), gateway=("127.0.0.1", gateway.port)))
    yield doors
    doors.close()


def send(port: int, message: bytes) -> str:
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(framed(message))
        answer = FrameReader(connection).next()
    assert answer is not None
    return answer.decode()


def refused(message: bytes) -> tuple[str, str]:
    with pytest.raises(Unreadable) as caught:
        read_report(read(message))
    return caught.value.location, caught.value.code


FIRST = a_report_message(flags=EVERYBODY)
T10 = a_replacement(flags=Flags(modif_conf_code=True, dest_dmp=True))


def test_a_report_is_taken_and_kept_byte_for_byte(platform: PlatformDoors, tmp_path: Path) -> None:
    ack = send(platform.status["port"], FIRST)

    assert "|ACK^T02^ACK|" in ack
    assert "\rMSA|AA|R1\r" in ack
    assert "CISIS" not in ack
    assert (tmp_path / "001-out-MDM_T02.hl7").read_bytes() == FIRST
    assert (tmp_path / "001-out-MDM_T02-ack.hl7").read_text() == ack.replace("\r", "\n")
    assert control(platform.status["control"])["reports"] == ["R1"]


@pytest.mark.parametrize("intent", list(Intent))
@pytest.mark.parametrize("kind", ["MDM", "ORU"])
@pytest.mark.parametrize("qualified", [True, False])
def test_every_message_the_product_writes_is_readable(intent: Intent, kind: str, qualified: bool) -> None:
    changes = {} if qualified else {"identity": None}
    if intent is Intent.REPLACE:
        changes |= {"version": 2, "replaces": "2.25.9"}
    replaced = "2.25.9" if intent is Intent.REPLACE else ""
    message = a_report_message(a_frozen_report(**changes), kind=kind, intent=intent, replaced_document=replaced)

    assert read_report(read(message)).document_id == a_frozen_report().document_id


def test_a_name_with_delimiters_and_latin_9_are_read() -> None:
    message = a_report_message(a_frozen_report(title="Œil & orbite | ^ ~ \\"))
    latin = message.replace(b"UNICODE UTF-8", b"8859/15").decode().encode("iso-8859-15")

    assert read_report(read(message)) == read_report(read(latin))


MUST: list[tuple[bytes, str, str, tuple[str, str]]] = [
    (FIRST, "ORC|NW", "ORC|RO", ("MSH^1^9", "201")),
    (FIRST, "ORC|NW", "ORC|XX", ("ORC^1^1", "103")),
    (FIRST, "MDM^T02", "MDM^T04", ("MSH^1^9", "201")),
    (FIRST, "MDM_T02", "MDM_T01", ("MSH^1^9", "200")),
    (FIRST, "|2.6|", "|2.5|", ("MSH^1^12", "203")),
    (FIRST, "UNICODE UTF-8", "8859/1", ("MSH^1^18", "103")),
    (FIRST, "2.1^CISIS", "2.0^CISIS", ("MSH^1^21", "103")),
    (FIRST, "TXA|1", "ZXA|1", ("MSH^1", "100")),
    (FIRST, "EVN|", "ZVN|", ("MSH^1", "100")),
    (FIRST, "|O|", "||", ("PV1^1^2", "101")),
    (FIRST, "ADRUN^ZOE", "^", ("PID^1^5", "101")),
    (FIRST, "IPP-90017^", "IPP-90018^", ("PID^1^3", "207")),
    (FIRST, "~275126322074974^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.10&ISO^INS", "", ("PID^1^3", "207")),
    (FIRST, "OBX|1|ED|18748-4", "OBX|1|ED|11502-2", ("OBX^1^3", "103")),
    (FIRST, "OBX|1|ED", "OBX|1|TX", ("OBX^1^2", "103")),
    (FIRST, "^text^XML", "^text^PDF", ("OBX^1^5", "102")),
    (FIRST, "^Base64^P", "^Base64^ P", ("OBX^1^5", "102")),
    (FIRST, "^Base64^P", "^Base64^!", ("OBX^1^5", "102")),
    (FIRST, "PRT||UC||SB^", "PRT||UC||RCT^", ("PRT^1^15", "102")),
    (FIRST, "PRT||UC||SB^", "PRT||UC||XX^", ("PRT^1^4", "103")),
    (FIRST, "IDNST^^^1990000017", "IDNST^^^1990000025", ("PRT^1^8", "207")),
    (FIRST, f"X.400^{DOCTOR}", "X.400^nobody", ("PRT^2^15", "102")),
    (FIRST, "^NET^X.400^", "^NET^Internet^", ("PRT^2^15", "102")),
    (FIRST, "OBX|2|CWE|MASQUE_PS", "OBX|2|CE|MASQUE_PS", ("OBX^2^2", "103")),
    (FIRST, "OBX|2|CWE|MASQUE_PS", "OBX|3|CWE|MASQUE_PS", ("OBX", "100")),
    (FIRST, "MASQUE_PS^^MetaDMPMSS", "MASQUE_PS^^L", ("OBX^2^3", "103")),
    (FIRST, "MASQUE_PS^", "MASQUER_PS^", ("OBX^2^3", "100")),
    (FIRST, "|N^^expandedYes-NoIndicator||||||F", "|X^^expandedYes-NoIndicator||||||F", ("OBX^2^5", "103")),
    (FIRST, "|N^^expandedYes-NoIndicator||||||F", "|N^^expandedYes-NoIndicator||||||C", ("OBX^2^11", "103")),
    (FIRST, "MASQUE_PS^^MetaDMPMSS||N", "MASQUE_PS^^MetaDMPMSS||Y", ("OBX^2^5", "207")),
    (T10, "2.25.200000000000000000000000000000000009||||AU", "||||AU", ("TXA^1^13", "101")),
    (T10, "2.25.200000000000000000000000000000000009||||AU", "2.25.8||||AU", ("TXA^1^13", "207")),
    (T10, "2.25.200000000000000000000000000000000002|", "2.25.3|", ("TXA^1^12", "207")),
    (T10, "||||AU", "||||DI", ("TXA^1^17", "103")),
    (T10, "||||||C", "||||||F", ("OBX^1^11", "103")),
]  # fmt: skip


@pytest.mark.parametrize(("message", "old", "new", "expected"), MUST)
def test_one_spoilt_thing_is_refused_with_its_place_and_code(message: bytes, old: str, new: str, expected: tuple[str, str]) -> None:
    assert old.encode() in message
    if old.startswith("^NET^"):
        spoilt = message.replace(old.encode(), new.encode())
    else:
        spoilt = message.replace(old.encode(), new.encode(), 1)

    assert refused(spoilt) == expected


def test_a_visit_needs_its_number_and_a_recipient_its_mailbox() -> None:
    visit = re.sub(rb"(\rPV1\|1\|O)\|[^\r]*", rb"\1", FIRST)
    nobody = re.sub(rb"\rPRT\|\|UC\|\|RCT\^[^\r]*" + DOCTOR.encode() + rb"[^\r]*", b"", FIRST)
    no_patient = re.sub(rb"\rPRT\|\|UC\|\|RCT\^[^\r]*" + PATIENT.encode() + rb"[^\r]*", b"", FIRST)

    assert [refused(one) for one in (visit, nobody, no_patient)] == [("PV1^1^19", "101"), ("PRT", "101"), ("PRT", "101")]


def test_the_document_must_be_a_cda() -> None:
    found = re.search(rb"\^Base64\^([A-Za-z0-9+/=]+)", FIRST)
    assert found is not None
    for content in (b"<x/>", b"%PDF-", b64decode(found[1])[:-20]):
        assert refused(FIRST.replace(found[1], b64encode(content))) == ("OBX^1^5", "102")


def verdict(text: str) -> tuple[str, str]:
    try:
        read_report(read(text.encode()))
    except Unreadable as wrong:
        return wrong.location, wrong.code
    return "", ""


YES_NO = (False, True)


@pytest.mark.parametrize("ps", YES_NO)
@pytest.mark.parametrize("pat", YES_NO)
def test_the_matrix_holds_only_where_mail_is_asked_for(ps: bool, pat: bool) -> None:
    """Every combination of five flags, as message text: the product itself writes only the legal ones."""
    legal = set()
    base = a_report_message(flags=EVERYBODY).decode()
    for number in range(32):
        said = {name: "NY"[number >> place & 1] for place, name in enumerate(
            ("MASQUE_PS", "INVISIBLE_PATIENT", "INVISIBLE_REP_LEGAUX", "CONNEXION_SECRETE", "DESTDMP"))}  # fmt: skip
        text = base
        for name, value in {**said, "DESTMSSANTEPS": "NY"[ps], "DESTMSSANTEPAT": "NY"[pat]}.items():
            text = re.sub(rf"({name}\^\^MetaDMPMSS\|\|)[YN]", rf"\g<1>{value}", text)
        if verdict(text) != ("", ""):
            assert verdict(text) == ("OBX^2^5", "207")
            continue
        legal.add("".join(said.values()))

    expected = {
        (False, False): 32,
        (True, True): {"NNN" + two for two in ("NN", "NY", "YN", "YY")},
        (True, False): {"NYN" + two for two in ("NN", "NY", "YN", "YY")},
        (False, True): {a + "N" + b + "NN" for a in "NY" for b in "NY"},
    }[ps, pat]
    assert (len(legal) if isinstance(expected, int) else legal) == expected


def test_a_refusal_has_err_3_and_err_4_and_no_code_of_a_recipient(platform: PlatformDoors) -> None:
    ack = send(platform.status["port"], FIRST.replace(b"ORC|NW", b"ORC|RO"))

    assert "\rMSA|AE|R1\r" in ack
    err = ack.split("\rERR|")[1].split("\r")[0].split("|")
    assert err[2].startswith("201^")
    assert err[3] == "E"
    assert err[4] == ""


def test_a_record_refuses_a_patient_it_does_not_know_when_told(tmp_path: Path) -> None:
    his = Application(name="HIS", types=frozenset({"MDM^T02"}), recorder=Recorder(tmp_path))
    listener = Listener(his)
    his.script.schedule(
        "message", ["AR", {"fault": "AE", "condition": "207", "application": "902", "why": "Patient inconnu"}, "other_message"]
    )
    answers = [send(listener.port, a_report_message()) for _ in range(4)]
    listener.close()

    assert [re.search(r"\rMSA\|(\w+)\|([^\r|]+)", one).groups() for one in answers] == [  # type: ignore[union-attr]
        ("AR", "R1"), ("AE", "R1"), ("AA", "NOT-THIS-ONE"), ("AA", "R1")
    ]  # fmt: skip
    assert "|207^Application internal error^HL70357|E|902|||Patient inconnu" in answers[1]


def test_a_large_report_passes_at_once(platform: PlatformDoors) -> None:
    found = re.search(rb"\^Base64\^([A-Za-z0-9+/=]+)", FIRST)
    assert found is not None
    large = b64decode(found[1]).replace(b"</ClinicalDocument>", b"<!--" + b"x" * 12_000_000 + b"--></ClinicalDocument>")

    assert "\rMSA|AA|R1\r" in send(platform.status["port"], FIRST.replace(found[1], b64encode(large)))


# ZAM


def zams(gateway: Gateway, count: int) -> list[list[str]]:
    """Return event, OBX-4, answer and address of each that came."""
    until(lambda: len(gateway.received) >= count)
    found = []
    for text in gateway.received:
        message = read(text.encode())
        obx = message.all("OBX")
        found.append([message.component("MSH", 9, 2), obx[0][4], obx[0][5][0], obx[1][5].split("^")[3] if len(obx) > 1 else ""])
    return found


def test_the_three_events_one_by_one_and_per_recipient(platform: PlatformDoors, gateway: Gateway, tmp_path: Path) -> None:
    send(platform.status["port"], FIRST)
    control(
        platform.status["control"], zam=[{"event": "Z03"}, {"event": "Z01", "answer": "N", "code": "DMPFound"}, {"event": "Z02"}]
    )

    assert zams(gateway, 5) == [
        ["Z03", "R1", "Y", DOCTOR], ["Z03", "R1", "Y", PATIENT], ["Z01", "R1", "N", ""], ["Z02", "R1", "Y", DOCTOR], ["Z02", "R1", "Y", PATIENT]
    ]  # fmt: skip
    assert "ERR|||207^Application error^messageErrorCondition|E|DMPFound^Refus^DMP_ERROR_CODE\r" in gateway.received[2]
    sent = until(lambda: len(control(platform.status["control"])["zam"]) == 5 and control(platform.status["control"])["zam"])
    assert {one["code"] for one in sent} == {"AA"}
    assert (tmp_path / "002-in-ZAM_Z03.hl7").read_text().replace("\n", "\r") == gateway.received[0]


def test_answers_follow_each_report_that_asks(platform: PlatformDoors, gateway: Gateway) -> None:
    control(
        platform.status["control"], answers=[{"event": "Z01"}, {"event": "Z02", "recipient": DOCTOR, "answer": "N", "code": "550"}]
    )
    send(platform.status["port"], a_report_message(message_id="QUIET"))
    send(platform.status["port"], FIRST)

    assert zams(gateway, 2) == [["Z01", "R1", "Y", ""], ["Z02", "R1", "N", DOCTOR]]


def test_what_was_not_asked_for_is_refused_unless_anyway(platform: PlatformDoors, gateway: Gateway) -> None:
    door = platform.status["control"]
    for body in ({"zam": {"event": "Z01"}}, {"zam": {"event": "Z09"}}, {"what": 1}):
        assert urllib3.request("POST", door, json=body).status == 400
    send(platform.status["port"], a_report_message())
    assert urllib3.request("POST", door, json={"zam": {"event": "Z01"}}).status == 400
    assert urllib3.request("POST", door, json={"zam": {"event": "Z01", "message_id": "OTHER"}}).status == 400

    control(door, zam={"event": "Z02", "message_id": "OTHER", "recipient": "x@y.z", "anyway": True, "accent": True, "times": 2})

    assert zams(gateway, 2) == [["Z02", "OTHER", "Y", "x@y.z"]] * 2
    assert "AckMétierZAM" in gateway.received[0]


def test_a_gateway_that_is_away_is_seen(platform: PlatformDoors) -> None:
    send(platform.status["port"], FIRST)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    control(platform.status["control"], gateway={"port": port}, zam={"event": "Z01"})

    assert until(lambda: control(platform.status["control"])["zam"])[0]["code"] == "none"


def test_it_runs_as_a_process(tmp_path: Path) -> None:
    config = {"status_file": str(tmp_path / "status.json"), "evidence": str(tmp_path / "hl7")}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with Children() as children:
        children.spawn("pfi", python("infra.local.services.hospital_platform", "--config", str(tmp_path / "config.json")))
        status = json.loads(until(lambda: (tmp_path / "status.json").exists() and (tmp_path / "status.json").read_text()))
        assert "\rMSA|AA|R1\r" in send(status["port"], FIRST)
