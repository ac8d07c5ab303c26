"""The journey of a site cut off: what its input holds, what is read at the receiving side, and the steps that must be able to fail."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.local.demo import er7
from infra.local.demo.__main__ import INPUT
from infra.local.demo.journey import Journal, Step, StepFailed
from infra.local.demo.journeys import cut_off, cut_off_cloud, cut_off_day
from infra.local.demo.journeys.cut_off_cloud import Applied
from tests.demo.test_journey import Recorded

FOLDER = INPUT / "cut_off"
CUT, KILLED = (
    [er7.read(file) for file in sorted((FOLDER / name).glob("*.hl7"))]
    for name in (cut_off_day.WHILE_CUT, cut_off_day.AFTER_THE_KILL)
)
SENT = [*CUT, *KILLED]


def source(message: er7.Sent) -> str:
    return message.value("MSH-3")


def test_two_sources_speak_in_turn_and_one_order_is_cancelled_on_the_other_side_of_the_kill() -> None:
    assert len({source(message) for message in CUT}) == 2
    assert [source(message) for message in CUT] != sorted(source(message) for message in CUT)
    cancelled = {message.value("ORC-2.1") for message in KILLED if message.value("ORC-1") == "CA"}
    assert cancelled < {message.value("ORC-2.1") for message in CUT if message.value("ORC-1") == "NW"}
    assert not cancelled & cut_off_cloud.left_to_book(SENT)
    assert {message.kind for message in SENT} == {"ADT_A04", "ADT_A08", "ORM_O01"}


def test_what_came_behind_is_what_was_not_there_before() -> None:
    before, after = (
        Applied(("a",), (), (("mpps_set", "1", ""),)),
        Applied(("a", "b"), ("a",), (("mpps_set", "1", ""), ("mpps_set", "2", ""))),
    )

    assert after.since(before) == Applied(("b",), ("a",), (("mpps_set", "2", ""),))
    assert after.since(after) == Applied()


def line(reference: str, **fields: str) -> str:
    return json.dumps({"code_reference": reference, **fields})


def scene(hl7: list[str], dicom: list[str], items: dict[str, dict[str, Any]] | None = None) -> Any:
    def get_item(**asked: Any) -> dict[str, Any]:
        return {"Item": items[asked["Key"]["pk"]["S"]]} if items and asked["Key"]["pk"]["S"] in items else {}

    cloud = SimpleNamespace(
        logs={"IntakeHl7Function": hl7, "IntakeDicomFunction": dicom}.__getitem__,
        client=lambda *_: SimpleNamespace(get_item=get_item),
        function_env=lambda _: {"TABLE_MESSAGES": "messages"},
    )
    return SimpleNamespace(system=SimpleNamespace(cloud=cloud))


def test_the_functions_own_lines_say_what_was_applied_and_what_came_again() -> None:
    hl7 = ["START", line("INTAKE_HL7_001", ledger_key="a"), line("INTAKE_HL7_002", ledger_key="a"), line("INTAKE_HL7_005")]
    dicom = [line("INTAKE_DICOM_003"), line("INTAKE_DICOM_001", operation="mpps_create", sop_instance="1.2")]
    dicom.append(line("INTAKE_DICOM_002", operation="mpps_set", sop_instance="1.3", code="unknown_step"))

    assert cut_off_cloud.applied(scene(hl7, dicom)) == Applied(
        ("a",), ("a",), (("mpps_create", "1.2", ""), ("mpps_set", "1.3", "unknown_step"))
    )


def test_the_ledger_is_whole_once_no_row_is_missing_or_under_way() -> None:
    def key(message: er7.Sent) -> str:
        text = "|".join(message.value(name) for name in ("MSH-3", "MSH-4", "MSH-10"))
        return f"MESSAGE#nord#{hashlib.sha256(text.encode()).hexdigest()}"

    def item(state: str) -> dict[str, Any]:
        return {name: {"S": state if name == "state" else "2026"} for name in ("state", "received_at", "changed_at")}

    whole = {key(message): item("applied") for message in SENT}
    missing = {name: row for name, row in whole.items() if name != key(SENT[2])}

    assert [row["state"] for row in cut_off_cloud.rows(scene([], [], whole), "nord", SENT)] == ["applied"] * len(SENT)
    for rows in (missing, {**whole, key(SENT[2]): item("received")}):
        assert cut_off_cloud.rows(scene([], [], rows), "nord", SENT) == []


# --- steps that must be able to fail ---


class Told:
    """A scene whose gateway's spool is a folder of this test."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(folder / "journey.json", Recorded())
        self.system = SimpleNamespace(spool=lambda _: folder / "spool")
        (folder / "spool").mkdir()

    def step(self, what: str, protocol: str) -> Any:
        return self.journal.step("cut_off", what, protocol)


def day(told: Told) -> Any:
    patient = er7.read(FOLDER / "01-ADT_A04.hl7")
    return SimpleNamespace(scene=told, site="nord", exam=SimpleNamespace(patient=patient), other=SimpleNamespace(patient=patient))


def test_a_spool_with_the_senders_name_and_sealed_bodies_is_sealed(tmp_path: Path) -> None:
    told = Told(tmp_path)
    (tmp_path / "spool" / "spool.sqlite3").write_bytes(b"\0DPI-DEMO|CH-DEMO\0RIS1\x93\x12")

    cut_off._sealed(day(told), SENT)


@pytest.mark.parametrize("clear", ["ESSAI-CÂBLE".encode(), "ESSAI-CÂBLE".encode("latin-1"), b"IPP-63-0304", b"19610405"])
def test_a_patients_value_in_any_file_of_the_spool_is_red(tmp_path: Path, clear: bytes) -> None:
    told = Told(tmp_path)
    (tmp_path / "spool" / "spool.sqlite3").write_bytes(b"DPI-DEMO")
    (tmp_path / "spool" / "spool.sqlite3-wal").write_bytes(b"\1\2" + clear)

    with pytest.raises(StepFailed, match="1 values of patients are readable"):
        cut_off._sealed(day(told), SENT)


def test_files_that_are_not_the_spool_are_red(tmp_path: Path) -> None:
    told = Told(tmp_path)
    (tmp_path / "spool" / "other").write_bytes(b"nothing")

    with pytest.raises(StepFailed, match="other files"):
        cut_off._sealed(day(told), SENT)


def test_an_input_without_what_the_site_does_is_a_red_step_that_names_the_folders(tmp_path: Path) -> None:
    told = Told(tmp_path)
    told.files = lambda name: [] if name == cut_off_day.WHILE_CUT else [Path("x")]  # type: ignore[attr-defined]

    with pytest.raises(StepFailed, match="no messages in while_cut"):
        cut_off.run(told)  # type: ignore[arg-type]


def keys(messages: list[er7.Sent]) -> list[dict[str, str]]:
    return [{"ledger_key": message.value("MSH-10"), "source": source(message)} for message in messages]


ORDER = tuple(message.value("MSH-10") for message in SENT)
RIGHT = Applied(ORDER, (), (("mpps_create", "1.2", ""), ("mpps_set", "1.2", "")))


def judged(rows: list[dict[str, str]], since: Applied) -> None:
    cut_off._judge(Step("cut_off", "drain", "SQS"), rows, since, "1.2")


def test_each_once_and_in_the_order_of_its_source_is_green_whatever_the_turn_of_sources() -> None:
    mine = [message for message in SENT if source(message) != source(SENT[0])]
    turned = tuple(message.value("MSH-10") for message in [*mine, *(one for one in SENT if one not in mine)])

    judged(keys(SENT), RIGHT)
    judged(keys(SENT), replace(RIGHT, messages=turned))


@pytest.mark.parametrize(
    ("since", "why"),
    [
        (replace(RIGHT, messages=ORDER[:-1]), "how often"),
        (replace(RIGHT, messages=(*ORDER, ORDER[0])), "how often"),
        (replace(RIGHT, messages=(ORDER[1], ORDER[0], *ORDER[2:])), "order of a source"),
        (replace(RIGHT, performed=RIGHT.performed[::-1]), "of the exam"),
        (replace(RIGHT, performed=(*RIGHT.performed, ("mpps_set", "1.2", ""))), "of the exam"),
        (replace(RIGHT, performed=(RIGHT.performed[0], ("mpps_set", "1.2", "unknown_step"))), "of the exam"),
        (replace(RIGHT, again=ORDER[:1]), "a second time"),
    ],
    ids=["dropped", "doubled", "reordered", "exam reversed", "exam doubled", "exam for a person", "came again"],
)
def test_what_is_dropped_doubled_or_out_of_order_is_red(since: Applied, why: str) -> None:
    with pytest.raises(StepFailed, match=why):
        judged(keys(SENT), since)
