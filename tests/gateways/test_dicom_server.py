"""The DICOM door over real associations: pynetdicom and dcmtk play the modality."""

from __future__ import annotations

import logging
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE

from gateways.edge.config import DicomSettings, ModalitySettings
from gateways.edge.dicom.mpps import MppsDesk
from gateways.edge.dicom.server import DicomServer
from gateways.edge.dicom.stations import Stations
from gateways.edge.dicom.worklist import Worklist
from gateways.edge.spool import Spool
from tests.support.gateway import Clock, a_store
from tests.support.waiting import until
from tests.support.worklist import an_item, ended, performed, query, step

MWL = "1.2.840.10008.5.1.4.31"
MPPS = "1.2.840.10008.3.1.2.3.3"
ECHO = "1.2.840.10008.1.1"
SYNTAXES = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")
CT1 = ModalitySettings(ae_title="CT1")
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)


@contextmanager
def a_server(
    folder: Path, *modalities: ModalitySettings, steps: int = 3, **settings: Any
) -> Iterator[tuple[DicomServer, Worklist, Stations]]:
    with a_store(folder) as store:
        worklist, clock = Worklist(), Clock()
        for number in range(1, steps + 1):
            worklist.put(
                an_item(
                    number, PatientName="LEFÈVRE^HÉLÈNE", RequestedProcedureDescription="Cœur", SpecificCharacterSet="ISO_IR 192"
                )
            )
        stations = Stations(modalities or (CT1,), clock)
        desk = MppsDesk(store, Spool(store), worklist, clock)
        server = DicomServer(DicomSettings(**settings), worklist=worklist, desk=desk, stations=stations, clock=clock)
        server.start()
        try:
            yield server, worklist, stations
        finally:
            server.stop()


@contextmanager
def associated(
    server: DicomServer, calling: str = "CT1", called: str = "RISMWL", syntaxes: tuple[str, ...] = SYNTAXES
) -> Iterator[Any]:
    entity = AE(ae_title=calling)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 10
    for abstract in (MWL, MPPS, ECHO):
        entity.add_requested_context(abstract, list(syntaxes))
    association = entity.associate("127.0.0.1", server.port, ae_title=called)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def find(association: Any, key: Dataset) -> tuple[int, list[tuple[int, Dataset]], Dataset]:
    answers, last = [], Dataset()
    for status, dataset in association.send_c_find(key, MWL):
        last = status
        if status.Status in (0xFF00, 0xFF01):
            answers.append((status.Status, dataset))
    return last.Status, answers, last


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_echo_and_worklist_in_both_transfer_syntaxes(tmp_path: Path, syntax: str) -> None:
    with a_server(tmp_path) as (server, _, stations), associated(server, syntaxes=(syntax,)) as association:
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
        assert {"CT1"} == stations.last_seen().keys()


def test_each_station_gets_its_own_character_set(tmp_path: Path) -> None:
    utf8 = ModalitySettings(ae_title="MR1", charset="ISO_IR 192")
    with a_server(tmp_path, CT1, utf8) as (server, _, _), associated(server, "MR1") as association:
        _, answers, _ = find(association, query(PatientName="", RequestedProcedureDescription=""))

        assert {("ISO_IR 192", "Cœur")} == {(one.SpecificCharacterSet, one.RequestedProcedureDescription) for _, one in answers}


def test_unsupported_keys_are_flagged_or_echoed_by_the_stations_own_setting(tmp_path: Path) -> None:
    insists = ModalitySettings(ae_title="US1", echo_unknown_keys=True)
    with a_server(tmp_path, CT1, insists) as (server, _, _):
        for calling, pending, present in (("CT1", 0xFF01, False), ("US1", 0xFF00, True)):
            with associated(server, calling) as association:
                _, answers, _ = find(association, query(OperatorsName=""))
                assert {(pending, present)} == {(status, "OperatorsName" in one) for status, one in answers}


def test_a_query_that_does_not_fit_gets_a900_and_the_association_lives(tmp_path: Path) -> None:
    wrong = Dataset()
    wrong.add_new(0x00100010, "LO", "DUPONT")
    with a_server(tmp_path) as (server, _, _), associated(server) as association:
        status, answers, last = find(association, wrong)
        assert (0xA900, [], 0x00100010) == (status, answers, int(last.OffendingElement))
        assert 0xA900 == find(association, query({"ScheduledProcedureStepStartDate": "TODAY"}))[0]
        assert 0x0000 == find(association, query(PatientID=""))[0]


def test_more_answers_than_the_limit_end_with_a700(tmp_path: Path) -> None:
    with a_server(tmp_path, max_answers=2) as (server, _, _), associated(server) as association:
        status, answers, _ = find(association, query(PatientID=""))

        assert (0xA700, 2) == (status, len(answers))


def test_a_cancelled_query_ends_with_fe00(tmp_path: Path) -> None:
    many = 20_000
    with a_server(tmp_path, max_answers=many) as (server, worklist, _), associated(server) as association:
        item = an_item(1)
        for number in range(many):
            worklist.put(replace(item, sps_id=f"M{number}"))
        statuses = []
        for status, _ in association.send_c_find(query(PatientID=""), MWL, msg_id=7):
            statuses.append(status.Status)
            if len(statuses) == 1:
                association.send_c_cancel(7, query_model=MWL)

        assert 0xFE00 == statuses[-1]
        assert len(statuses) < many


@pytest.mark.parametrize(("calling", "called"), [("NOBODY", "RISMWL"), ("CT1", "ELSEWHERE")])
def test_an_unknown_calling_or_called_title_is_rejected(tmp_path: Path, calling: str, called: str) -> None:
    with a_server(tmp_path) as (server, _, _):
        with associated(server, calling, called) as association:
            assert association.is_rejected
        with associated(server) as association:
            assert association.is_established


def test_a_list_without_modalities_lets_nobody_in(tmp_path: Path) -> None:
    with a_store(tmp_path) as _:
        stations = Stations((), Clock())
        server = DicomServer(DicomSettings(), worklist=Worklist(), desk=None, stations=stations, clock=Clock())
        server.start()
        try:
            with associated(server) as association:
                assert association.is_rejected
        finally:
            server.stop()


def request(called: bytes, calling: bytes) -> bytes:
    def item(kind: int, body: bytes) -> bytes:
        return bytes((kind, 0)) + len(body).to_bytes(2, "big") + body

    context = item(0x20, b"\1\0\0\0" + item(0x30, ECHO.encode()) + item(0x40, b"1.2.840.10008.1.2"))
    user = item(0x50, item(0x51, (16384).to_bytes(4, "big")) + item(0x52, b"1.2.3"))
    body = b"\0\1\0\0" + called + calling + bytes(32) + item(0x10, b"1.2.840.10008.3.1.1.1") + context + user
    return b"\1\0" + len(body).to_bytes(4, "big") + body


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
    with a_server(tmp_path) as (server, _, _):
        with socket.create_connection(("127.0.0.1", server.port), 10) as peer:
            peer.sendall(request(called, calling))
            assert answer == peer.recv(1)[0]
        with associated(server) as association:
            assert 0x0000 == association.send_c_echo().Status


def test_mpps_over_an_association(tmp_path: Path) -> None:
    with a_server(tmp_path) as (server, _, _), associated(server) as association:
        create = [association.send_n_create(performed(step(1)), MPPS, uid)[0].Status for uid in ("1.2.3", "1.2.3")]
        wrong = association.send_n_create(performed(step(1), status="COMPLETED"), MPPS, "1.2.4")[0]
        updates = [association.send_n_set(ended("COMPLETED"), MPPS, uid)[0] for uid in ("1.2.3", "1.2.3", "1.2.9")]

        assert [0x0000, 0x0111] == create
        assert 0x0106 == wrong.Status
        assert [0x0000, 0x0110, 0x0112] == [one.Status for one in updates]
        assert 0xA710 == updates[1].ErrorID
        assert 2 == len(find(association, query(PatientID=""))[1])


def test_two_hundred_port_probes_keep_nobody_out_and_leave_few_threads(tmp_path: Path) -> None:
    with a_server(tmp_path, association_timeout_s=1.0) as (server, _, _):
        before = threading.active_count()
        probes = [socket.create_connection(("127.0.0.1", server.port), 5) for _ in range(200)]
        with associated(server) as association:
            assert 0x0000 == association.send_c_echo().Status

        for probe in probes:
            probe.close()
        until(lambda: threading.active_count() < before + 20, 15)


@pytest.mark.skipif(shutil.which("findscu") is None, reason="dcmtk is not installed")
def test_dcmtk_finds_the_same_steps(tmp_path: Path) -> None:
    with a_server(tmp_path) as (server, _, _):
        keys = ["PatientName=LEFEVRE*", "PatientID", "AccessionNumber", "StudyInstanceUID", "(0040,0100)[0].Modality=CT"]
        command = ["findscu", "-W", "-aet", "CT1", "-aec", "RISMWL", "-X", "-od", str(tmp_path)]
        command += [part for key in keys for part in ("-k", key)] + ["127.0.0.1", str(server.port)]

        done = subprocess.run(command, capture_output=True, timeout=30, check=False)

        assert 0 == done.returncode, done.stderr
        assert 3 == len(list(tmp_path.glob("rsp*.dcm")))
