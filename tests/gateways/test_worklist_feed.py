"""The worklist's durable copy: versions, removal, expiry, restarts; and the stand-alone folder."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateways.edge.dicom.feed import WorklistCopy
from gateways.edge.dicom.folder import WorklistFolder
from gateways.edge.dicom.matching import compile_query
from gateways.edge.dicom.worklist import Local, Worklist
from gateways.edge.store import Store
from tests.support.dicom import answered
from tests.support.gateway import NOW, Clock, a_store
from tests.support.worklist import part_10, query, step


def feed(version: int, state: str = "scheduled", sps_id: str = "SPS1", **more: object) -> str:
    number = int(sps_id.removeprefix("SPS"))
    dataset = {} if state == "removed" else step(number, PatientName=f"V{version}^X").to_json_dict()
    return json.dumps({"site": "nord", "sps_id": sps_id, "version": version, "state": state, "dataset": dataset, **more})


def a_copy(store: Store, clock: Clock | None = None) -> tuple[WorklistCopy, Worklist]:
    worklist = Worklist()
    copy = WorklistCopy(store, worklist, site="nord", clock=clock or Clock())
    copy.load()
    return copy, worklist


def apply(copy: WorklistCopy, *bodies: str) -> None:
    async def all_of_them() -> None:
        for body in bodies:
            await copy.handle(body)

    asyncio.run(all_of_them())


def names(worklist: Worklist, called: str = "", now=NOW) -> list[str]:
    return [
        str(answered(compile_query(query()), item).PatientName)
        for item in worklist.find(compile_query(query()), called=called, now=now)
    ]


def test_an_older_version_is_dropped_in_whatever_order_they_come(tmp_path: Path) -> None:
    with a_store(tmp_path) as store:
        copy, worklist = a_copy(store)
        apply(copy, feed(2), feed(1), feed(2), feed(3), feed(2))

        assert ["V3^X"] == names(worklist)


def test_a_removed_step_stays_removed_when_an_older_message_comes_late(tmp_path: Path) -> None:
    with a_store(tmp_path) as store:
        copy, worklist = a_copy(store)
        apply(copy, feed(1), feed(3, "removed"), feed(2))
        assert [] == names(worklist)

        apply(copy, feed(4))
        assert ["V4^X"] == names(worklist)


def test_the_list_survives_a_restart(tmp_path: Path) -> None:
    with a_store(tmp_path) as store:
        apply(a_copy(store)[0], feed(1), feed(1, sps_id="SPS2"), feed(2, "removed", "SPS2"), feed(1, sps_id="SPS3"))
    with a_store(tmp_path) as store:
        copy, worklist = a_copy(store)
        assert 2 == len(names(worklist))

        apply(copy, feed(1, sps_id="SPS2"))
        assert 2 == len(names(worklist))


def test_an_expired_step_is_no_longer_answered_and_is_wiped_later(tmp_path: Path) -> None:
    with a_store(tmp_path) as store:
        clock = Clock()
        copy, worklist = a_copy(store, clock)
        apply(copy, feed(1, expires_at=(NOW + timedelta(hours=1)).isoformat()), feed(1, sps_id="SPS2"))

        assert 2 == len(names(worklist, now=NOW))
        assert 1 == len(names(worklist, now=NOW + timedelta(hours=1)))
        assert 1 == copy.purge(NOW + timedelta(days=31), timedelta(days=30))
        assert 1 == store.read(lambda c: c.execute("SELECT count(*) FROM step").fetchone()[0])


def test_a_step_that_cannot_be_read_hides_no_other_and_is_named(tmp_path: Path) -> None:
    broken = json.dumps(
        {"site": "nord", "sps_id": "SPS9", "version": 1, "state": "scheduled", "dataset": {"00100010": {"vr": "PN"}}}
    )
    with a_store(tmp_path) as store:
        copy, worklist = a_copy(store)
        apply(copy, feed(1), broken, feed(1, sps_id="SPS2"))

        assert 2 == len(names(worklist))
        assert {"SPS9"} == copy.unreadable


def test_a_step_of_another_site_is_refused(tmp_path: Path) -> None:
    with a_store(tmp_path) as store:
        copy, worklist = a_copy(store)
        apply(copy, feed(1, site="est"))
        assert [] == names(worklist)
        with pytest.raises(ValidationError):
            apply(copy, "{}")


def test_what_mpps_said_holds_until_the_step_is_scheduled_anew(tmp_path: Path) -> None:
    with a_store(tmp_path) as store:
        copy, worklist = a_copy(store)
        apply(copy, feed(1))
        worklist.set_local("SPS1", Local("completed", 1))
        assert [] == names(worklist)

        apply(copy, feed(2, "in_progress"))
        assert [] == names(worklist)
        apply(copy, feed(3))
        assert ["V3^X"] == names(worklist)


def test_steps_are_answered_by_start_then_id() -> None:
    worklist = Worklist()
    from tests.support.worklist import an_item

    for number, start in ((3, "0900"), (2, "083000"), (1, "0900")):
        worklist.put(an_item(number, ScheduledProcedureStepStartTime=start))

    assert ["SPS2", "SPS1", "SPS3"] == [item.sps_id for item in worklist.find(compile_query(query()), called="", now=NOW)]


def write(path: Path, body: bytes, age: int = 0) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(body)
    os.utime(path, (1_700_000_000 + age, 1_700_000_000 + age))


def test_a_folder_serves_what_can_be_read_and_names_the_rest(tmp_path: Path) -> None:
    whole = part_10(step(1, PatientName="UN^X"))
    write(tmp_path / "a.wl", whole)
    write(tmp_path / "RISMWL" / "b.wl", part_10(step(2, PatientName="DEUX^X")))
    write(tmp_path / "cut.wl", whole[: len(whole) // 2])
    write(tmp_path / "empty.wl", b"")
    write(tmp_path / "text.wl", b"no worklist file")
    write(tmp_path / "no-step.wl", part_10(query(PatientName="X")))
    write(tmp_path / ".a.wl.swp", b"x")
    write(tmp_path / "lockfile", b"")
    worklist = Worklist()
    folder = WorklistFolder(tmp_path, worklist)

    assert 2 == folder.scan()
    assert {"cut.wl", "empty.wl", "text.wl", "no-step.wl"} == folder.unreadable
    assert ["UN^X", "DEUX^X"] == names(worklist, "RISMWL")
    assert ["UN^X"] == names(worklist, "OTHER")


def test_every_cut_of_a_file_is_served_whole_or_not_at_all(tmp_path: Path) -> None:
    whole = part_10(step(1, ConfidentialityCode="ABCD"))  # its last element is one that a step can do without
    for length in [*range(0, len(whole), 11), *range(len(whole) - 12, len(whole))]:
        write(tmp_path / "a.wl", whole[:length])
        worklist = Worklist()
        WorklistFolder(tmp_path, worklist).scan()
        ends_before_the_last_element = length == len(whole) - 12
        assert 0 == len(worklist) or ends_before_the_last_element


def test_a_changed_file_replaces_its_step_and_a_deleted_one_takes_it_away(tmp_path: Path) -> None:
    worklist = Worklist()
    folder = WorklistFolder(tmp_path, worklist)
    write(tmp_path / "a.wl", part_10(step(1, PatientName="UN^X"))[:200])
    assert 0 == folder.scan()
    write(tmp_path / "a.wl", part_10(step(1, PatientName="UN^X")), age=1)
    assert 1 == folder.scan()
    assert set() == folder.unreadable
    write(tmp_path / "a.wl", part_10(step(7, PatientName="SEPT^X")), age=2)
    folder.scan()
    assert ["SEPT^X"] == names(worklist)
    (tmp_path / "a.wl").unlink()
    assert 0 == folder.scan()


def test_a_folder_that_cannot_be_listed_takes_nothing_away(tmp_path: Path) -> None:
    worklist = Worklist()
    folder = WorklistFolder(tmp_path / "lists", worklist)
    write(tmp_path / "lists" / "a.wl", part_10(step(1, PatientName="UN^X")))
    assert 1 == folder.scan()
    (tmp_path / "lists").rename(tmp_path / "away")

    with pytest.raises(FileNotFoundError):
        folder.scan()

    assert ["UN^X"] == names(worklist)
