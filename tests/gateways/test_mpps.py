"""MPPS rules: each status of PS3.4 annex F, durable before success, and what it does to the list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from gateways.edge.dicom.matching import compile_query
from gateways.edge.dicom.mpps import MppsDesk
from gateways.edge.dicom.worklist import Worklist
from gateways.edge.spool import DICOM_KINDS, Spool
from tests.support.gateway import NOW, Clock, a_store
from tests.support.worklist import an_item, ended, performed, query, step

UID = "1.2.250.1.99999.8.1"


@contextmanager
def a_desk(folder: Path, limit_bytes: int = 0) -> Iterator[tuple[MppsDesk, Worklist, Spool]]:
    with a_store(folder, limit_bytes) as store:
        worklist, spool = Worklist(), Spool(store)
        for number in (1, 2, 3):
            worklist.put(an_item(number))
        yield MppsDesk(store, spool, worklist, Clock()), worklist, spool


def listed(worklist: Worklist) -> list[str]:
    return [item.sps_id for item in worklist.find(compile_query(query()), called="", now=NOW)]


def test_a_created_and_completed_step_is_in_the_spool_and_off_the_list(tmp_path: Path) -> None:
    with a_desk(tmp_path) as (desk, worklist, spool):
        assert 0x0000 == desk.create(UID, performed(step(1)), "CT1").status
        assert ["SPS1", "SPS2", "SPS3"] == listed(worklist)
        assert 0x0000 == desk.update(UID, ended("COMPLETED"), "CT1").status
        assert ["SPS2", "SPS3"] == listed(worklist)

        first = spool.load(spool.first_of_each_source(DICOM_KINDS, 9)[0])
        assert ("mpps_create", {"calling_ae_title": "CT1", "sop_instance_uid": UID}) == (first.kind, first.facts)
        assert ["IN PROGRESS"] == json.loads(first.body)["00400252"]["Value"]
        assert 2 == spool.waiting()


def test_an_mpps_moves_every_step_it_references(tmp_path: Path) -> None:
    with a_desk(tmp_path) as (desk, worklist, _):
        desk.create(UID, performed(step(1), step(3)), "CT1")
        desk.update(UID, ended("COMPLETED"), "CT1")

        assert ["SPS2"] == listed(worklist)


@pytest.mark.parametrize("gone", [(), ("ScheduledProcedureStepID",), ("ScheduledProcedureStepID", "AccessionNumber")])
def test_a_step_is_found_by_its_id_else_by_accession_else_by_study(tmp_path: Path, gone: tuple[str, ...]) -> None:
    with a_desk(tmp_path) as (desk, worklist, _):
        dataset = performed(step(2))
        for keyword in gone:
            setattr(dataset.ScheduledStepAttributesSequence[0], keyword, "")
        desk.create(UID, dataset, "CT1")
        desk.update(UID, ended("COMPLETED"), "CT1")

        assert ["SPS1", "SPS3"] == listed(worklist)


def test_an_unscheduled_one_is_accepted(tmp_path: Path) -> None:
    with a_desk(tmp_path) as (desk, worklist, spool):
        assert 0x0000 == desk.create(UID, performed(), "CT1").status
        assert 0x0000 == desk.update(UID, ended("COMPLETED"), "CT1").status
        assert (3, 2) == (len(listed(worklist)), spool.waiting())


def test_wrong_worklist_entry_puts_the_step_back_and_another_reason_does_not(tmp_path: Path) -> None:
    with a_desk(tmp_path) as (desk, worklist, _):
        for uid, number, reason in (("1.2.1", 1, "110514"), ("1.2.2", 2, "110500")):
            desk.create(uid, performed(step(number)), "CT1")
            assert 0x0000 == desk.update(uid, ended("DISCONTINUED", reason), "CT1").status

        assert ["SPS1", "SPS3"] == listed(worklist)


def test_a_duplicate_is_0111_and_changes_nothing(tmp_path: Path) -> None:
    with a_desk(tmp_path) as (desk, _, spool):
        desk.create(UID, performed(step(1)), "CT1")

        assert 0x0111 == desk.create(UID, performed(step(2)), "CT1").status
        assert 1 == spool.waiting()


@pytest.mark.parametrize("status", ["COMPLETED", "DISCONTINUED", "SCHEDULED", "in progres"])
def test_another_status_than_in_progress_is_0106(tmp_path: Path, status: str) -> None:
    with a_desk(tmp_path) as (desk, _, spool):
        assert 0x0106 == desk.create(UID, performed(step(1), status=status), "CT1").status
        assert 0 == spool.waiting()


@pytest.mark.parametrize(
    "keyword",
    [
        "ScheduledStepAttributesSequence",
        "PerformedProcedureStepID",
        "PerformedStationAETitle",
        "PerformedProcedureStepStartDate",
        "PerformedProcedureStepStartTime",
        "PerformedProcedureStepStatus",
        "Modality",
    ],
)
def test_a_missing_attribute_is_0120_and_an_empty_one_0121(tmp_path: Path, keyword: str) -> None:
    with a_desk(tmp_path) as (desk, _, _):
        without, empty = performed(step(1)), performed(step(1))
        delattr(without, keyword)
        setattr(empty, keyword, [] if keyword.endswith("Sequence") else "")

        assert 0x0120 == desk.create(UID, without, "CT1").status
        if not keyword.endswith("Sequence"):
            assert 0x0121 == desk.create(UID, empty, "CT1").status


def test_an_unknown_instance_is_0112(tmp_path: Path) -> None:
    with a_desk(tmp_path) as (desk, _, spool):
        assert 0x0112 == desk.update("1.2.3", ended("COMPLETED"), "CT1").status
        assert 0 == spool.waiting()


@pytest.mark.parametrize("final", ["COMPLETED", "DISCONTINUED"])
def test_a_final_one_is_0110_with_a710(tmp_path: Path, final: str) -> None:
    with a_desk(tmp_path) as (desk, _, spool):
        desk.create(UID, performed(step(1)), "CT1")
        desk.update(UID, ended(final), "CT1")
        reply = desk.update(UID, ended("COMPLETED"), "CT1")

        assert (0x0110, 0xA710) == (reply.status, reply.error_id)
        assert 2 == spool.waiting()


def test_a_set_with_a_status_that_is_none_is_0106(tmp_path: Path) -> None:
    with a_desk(tmp_path) as (desk, _, _):
        desk.create(UID, performed(step(1)), "CT1")

        assert 0x0106 == desk.update(UID, ended("FINISHED"), "CT1").status
        assert 0x0000 == desk.update(UID, ended("IN PROGRESS"), "CT1").status


def test_a_full_disk_is_never_a_success(tmp_path: Path) -> None:
    with a_desk(tmp_path, limit_bytes=150_000) as (desk, _, spool):
        large = performed(step(1), CommentsOnThePerformedProcedureStep="x" * 400_000)

        assert 0x0213 == desk.create(UID, large, "CT1").status
        assert 0x0000 == desk.create(UID, performed(step(1)), "CT1").status
        assert 1 == spool.waiting()


def test_what_was_said_survives_a_restart(tmp_path: Path) -> None:
    with a_desk(tmp_path) as (desk, _, _):
        desk.create(UID, performed(step(1)), "CT1")
    with a_desk(tmp_path) as (desk, worklist, spool):
        assert 0x0111 == desk.create(UID, performed(step(1)), "CT1").status
        assert 0x0000 == desk.update(UID, ended("COMPLETED"), "CT1").status
        assert ["SPS2", "SPS3"] == listed(worklist)
        assert 2 == spool.waiting()
        assert 1 == desk.purge(NOW + timedelta(days=31), timedelta(days=30))
