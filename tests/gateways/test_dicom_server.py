"""The DICOM door over real associations: pynetdicom and dcmtk play the modality."""

from __future__ import annotations

import shutil
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from gateways.edge.config import ModalitySettings
from gateways.edge.dicom.server import _listening
from tests.support.dicom import CT1, MPPS, MWL, SYNTAXES, a_door, associate, associated, find, reply_to
from tests.support.waiting import until
from tests.support.worklist import an_item, ended, performed, query, step


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_echo_and_worklist_in_both_transfer_syntaxes(tmp_path: Path, syntax: str) -> None:
    with a_door(tmp_path) as door, associated(door.port, syntaxes=(syntax,)) as association:
        assert 0x0000 == association.send_c_echo().Status

        status, answers, _ = find(association, query({"Modality": "CT"}, PatientName="lefevre*", RequestedProcedureDescription=""))

        assert (0x0000, 3) == (status, len(answers))
        assert {0xFF00} == {one for one, _ in answers}
        first = answers[0][1]
        assert ("ISO_IR 100", "LEFÈVRE^HÉLÈNE", "Coeur") == (
            first.SpecificCharacterSet,
            str(first.PatientName),
            first.RequestedProcedureDescription,
        )
        assert {"CT1"} == door.stations.last_seen().keys()


def test_each_station_gets_its_own_character_set(tmp_path: Path) -> None:
    utf8 = ModalitySettings(ae_title="MR1", charset="ISO_IR 192")
    with a_door(tmp_path, CT1, utf8) as door, associated(door.port, "MR1") as association:
        _, answers, _ = find(association, query(PatientName="", RequestedProcedureDescription=""))

        assert {("ISO_IR 192", "Cœur")} == {(one.SpecificCharacterSet, one.RequestedProcedureDescription) for _, one in answers}


def test_unsupported_keys_are_flagged_or_echoed_by_the_stations_own_setting(tmp_path: Path) -> None:
    insists = ModalitySettings(ae_title="US1", echo_unknown_keys=True)
    with a_door(tmp_path, CT1, insists) as door:
        for calling, pending, present in (("CT1", 0xFF01, False), ("US1", 0xFF00, True)):
            with associated(door.port, calling) as association:
                _, answers, _ = find(association, query(OperatorsName=""))
                assert {(pending, present)} == {(status, "OperatorsName" in one) for status, one in answers}


def test_a_query_that_does_not_fit_gets_a900_and_the_association_lives(tmp_path: Path) -> None:
    wrong = Dataset()
    wrong.add_new(0x00100010, "LO", "DUPONT")
    with a_door(tmp_path) as door, associated(door.port) as association:
        status, answers, last = find(association, wrong)
        assert (0xA900, [], 0x00100010) == (status, answers, int(last.OffendingElement))
        assert 0xA900 == find(association, query({"ScheduledProcedureStepStartDate": "TODAY"}))[0]
        assert 0x0000 == find(association, query(PatientID=""))[0]


def test_more_answers_than_the_limit_end_with_a700(tmp_path: Path) -> None:
    with a_door(tmp_path, max_answers=2) as door, associated(door.port) as association:
        status, answers, _ = find(association, query(PatientID=""))

        assert (0xA700, 2) == (status, len(answers))


def test_a_cancelled_query_ends_with_fe00(tmp_path: Path) -> None:
    many = 20_000
    with a_door(tmp_path, max_answers=many) as door, associated(door.port) as association:
        item = an_item(1)
        for number in range(many):
            door.worklist.put(replace(item, sps_id=f"M{number}"))
        statuses = []
        for status, _ in association.send_c_find(query(PatientID=""), MWL, msg_id=7):
            statuses.append(status.Status)
            if len(statuses) == 1:
                association.send_c_cancel(7, query_model=MWL)

        assert 0xFE00 == statuses[-1]
        assert len(statuses) < many


@pytest.mark.parametrize(
    ("calling", "called", "reply"),
    [("NOBODY", "RISMWL", b"\3\1\1\3"), ("CT1", "ELSEWHERE", b"\3\1\1\7"), ("CT1", "RISMWL", b"\2")],
)
def test_an_unknown_calling_or_called_title_is_rejected(tmp_path: Path, calling: str, called: str, reply: bytes) -> None:
    with a_door(tmp_path) as door:
        assert reply == reply_to(door.port, calling, called)


def test_a_list_without_modalities_lets_nobody_in(tmp_path: Path) -> None:
    with a_door(tmp_path, known=False) as door:
        assert b"\3\1\1\3" == reply_to(door.port)


@pytest.mark.parametrize(
    ("called", "calling", "answer"),
    [
        (b"RISMWL".ljust(16, b"\0"), b"CT1".ljust(16, b"\0"), 2),
        (b" RISMWL".ljust(16), b"  CT1".ljust(16), 2),
        (b"RISMWL".ljust(16), b" " * 16, 3),
        (b"RISMWL".ljust(16), bytes(16), 3),
        (b"RISMWL".ljust(16), b"CT\xe9".ljust(16), 3),
    ],
)
def test_titles_are_compared_without_their_padding(tmp_path: Path, called: bytes, calling: bytes, answer: int) -> None:
    with a_door(tmp_path) as door:
        with socket.create_connection(("127.0.0.1", door.port), 10) as peer:
            peer.sendall(associate(called, calling))
            assert answer == peer.recv(1)[0]
        with associated(door.port) as association:
            assert 0x0000 == association.send_c_echo().Status


def test_mpps_over_an_association(tmp_path: Path) -> None:
    with a_door(tmp_path) as door, associated(door.port) as association:
        create = [association.send_n_create(performed(step(1)), MPPS, uid)[0].Status for uid in ("1.2.3", "1.2.3")]
        wrong = association.send_n_create(performed(step(1), status="COMPLETED"), MPPS, "1.2.4")[0]
        updates = [association.send_n_set(ended("COMPLETED"), MPPS, uid)[0] for uid in ("1.2.3", "1.2.3", "1.2.9")]

        assert [0x0000, 0x0111] == create
        assert 0x0106 == wrong.Status
        assert [0x0000, 0x0110, 0x0112] == [one.Status for one in updates]
        assert 0xA710 == updates[1].ErrorID
        assert 2 == len(find(association, query(PatientID=""))[1])


def test_two_hundred_port_probes_keep_nobody_out_and_leave_nothing(tmp_path: Path) -> None:
    with a_door(tmp_path, association_timeout_s=1.0) as door:
        tasks = door.tasks()
        probes = [socket.create_connection(("127.0.0.1", door.port), 5) for _ in range(200)]
        with associated(door.port) as association:
            assert 0x0000 == association.send_c_echo().Status

        until(lambda: door.server.connections == 0, 15)
        assert (tasks, 0) == (door.tasks(), door.server.held)
        for probe in probes:
            probe.close()


def test_a_connection_has_its_doors_options() -> None:
    with (
        _listening(socket.AF_INET, ("127.0.0.1", 0)) as door,
        socket.create_connection(door.getsockname(), 5),
        door.accept()[0] as accepted,
    ):
        assert 1 == accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.skipif(shutil.which("findscu") is None, reason="dcmtk is not installed")
def test_dcmtk_finds_the_same_steps(tmp_path: Path) -> None:
    with a_door(tmp_path) as door:
        keys = ["PatientName=LEFEVRE*", "PatientID", "AccessionNumber", "StudyInstanceUID", "(0040,0100)[0].Modality=CT"]
        command = ["findscu", "-W", "-aet", "CT1", "-aec", "RISMWL", "-X", "-od", str(tmp_path)]
        command += [part for key in keys for part in ("-k", key)] + ["127.0.0.1", str(door.port)]

        done = subprocess.run(command, capture_output=True, timeout=30, check=False)

        assert 0 == done.returncode, done.stderr
        assert 3 == len(list(tmp_path.glob("rsp*.dcm")))
