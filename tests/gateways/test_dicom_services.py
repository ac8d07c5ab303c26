"""What the door offers beside the plain query: an archive's word, TLS, who is let in, stations' own settings, bounds of every kind."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pynetdicom import AE, build_role

from gateways.edge.config import ModalitySettings, TlsSettings
from gateways.edge.spool import DICOM_KINDS
from infra.local.demo.pki import Authority
from tests.support.dicom import (
    COMMITMENT,
    CT1,
    ECHO,
    IAN,
    IMPLICIT,
    MPPS,
    MWL,
    Door,
    a_door,
    associate,
    associated,
    command,
    echo_request,
    element,
    find,
    find_request,
    pdata,
    pdu,
    reply_to,
    rest,
)
from tests.support.waiting import until
from tests.support.worklist import an_item, encoded, performed, query, step

ABORT_BY_USER = pdu(7, bytes(4))
TOLD = {"calling_ae_title": "PACS"}


def spooled(door: Door) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    rows = [door.spool.load(row_id) for row_id in door.spool.first_of_each_source(DICOM_KINDS, 9)]
    return [(row.kind, dict(row.facts), json.loads(row.body)) for row in rows]


def reference(uid: str) -> Dataset:
    one = Dataset()
    one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", uid
    return one


def available(study: str = "1.2.3") -> Dataset:
    told, series, instance = Dataset(), Dataset(), reference("1.2.3.4.5")
    instance.InstanceAvailability, instance.RetrieveAETitle = "ONLINE", "PACS"
    series.SeriesInstanceUID, series.ReferencedSOPSequence = "1.2.3.4", Sequence([instance])
    told.StudyInstanceUID, told.ReferencedSeriesSequence = study, Sequence([series])
    told.ReferencedPerformedProcedureStepSequence = Sequence([])
    return told


def committed(transaction: str = "1.2.9") -> Dataset:
    told = Dataset()
    told.TransactionUID, told.ReferencedSOPSequence = transaction, Sequence([reference("1.2.3.4.5")])
    return told


@contextlib.contextmanager
def raw(door: Door, request: bytes = b"") -> Any:
    """Connect, associate if there is a request for it, and give the socket."""
    with socket.create_connection(("127.0.0.1", door.port), 10) as peer:
        if request:
            peer.sendall(request)
            assert peer.recv(65536).startswith(b"\2")
        yield peer


def test_an_archive_says_that_images_have_arrived(tmp_path: Path) -> None:
    with a_door(tmp_path, ModalitySettings(ae_title="PACS")) as door, associated(door.port, "PACS") as association:
        told = [association.send_n_create(available(), IAN, "1.2.7")[0].Status]
        nameless, _ = association.send_n_create(available("1.2.4"), IAN, None)
        told += [association.send_n_create(query(InstitutionName="CIM"), IAN, "1.2.8")[0].Status, nameless.Status]
        told.append(association.send_n_create(available(""), IAN, "1.2.8")[0].Status)

        assert [0x0000, 0x0120, 0x0000, 0x0121] == told
        assert 2 == door.spool.waiting()
        ((kind, facts, document),) = spooled(door)
        assert ("instances_available", TOLD | {"sop_instance_uid": "1.2.7"}) == (kind, facts)
        assert ["1.2.3"] == document["0020000D"]["Value"]
        assert ["1.2.3.4"] == document["00081115"]["Value"][0]["0020000E"]["Value"]


def test_an_archive_reports_a_storage_commitment_in_the_role_it_asks_for(tmp_path: Path) -> None:
    with a_door(tmp_path, ModalitySettings(ae_title="PACS")) as door:
        role = build_role(COMMITMENT, scp_role=True)
        with associated(door.port, "PACS", ext_neg=[role]) as association:
            assert [(False, True)] == [
                (one.as_scu, one.as_scp) for one in association.accepted_contexts if one.abstract_syntax == COMMITMENT
            ]

            def report(event: int, told: Dataset) -> int:
                status: int = association.send_n_event_report(told, event, COMMITMENT, f"{COMMITMENT}.1")[0].Status
                return status

            assert [0x0000, 0x0000, 0x0113] == [report(event, committed()) for event in (1, 2, 7)]
            assert 0x0120 == report(1, query(InstitutionName="CIM"))
        ((kind, facts, document),) = spooled(door)
        assert ("storage_committed", TOLD | {"sop_instance_uid": "1.2.9"}) == (kind, facts)
        assert ["1.2.3.4.5"] == document["00081199"]["Value"][0]["00081155"]["Value"]


def test_without_a_spool_nothing_is_offered_that_must_be_kept(tmp_path: Path) -> None:
    with a_door(tmp_path, keeps=False) as door, associated(door.port) as association:
        assert {MWL, ECHO} == {one.abstract_syntax for one in association.accepted_contexts}


def test_over_tls_a_peer_shows_a_certificate_and_speaks_no_old_version(tmp_path: Path) -> None:
    authority = Authority()
    server, client = authority.server("passerelle.test"), authority.auth_cli(structure="1990000017", name="PACS", service="DICOM")
    files = {"certificate": server.certificate_pem() + authority.chain_pem(), "key": server.key_pem(), "ca": authority.chain_pem()}
    for name, content in (files | {"peer": client.certificate_pem() + client.key_pem()}).items():
        (tmp_path / name).write_bytes(content)
    tls = TlsSettings(certificate=tmp_path / "certificate", key=tmp_path / "key", client_authority=tmp_path / "ca")

    def trusting(*, shows: bool) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=tmp_path / "ca")
        context.check_hostname = False
        if shows:
            context.load_cert_chain(tmp_path / "peer")
        return context

    def established(context: ssl.SSLContext) -> bool:
        plain = socket.create_connection(("127.0.0.1", door.server.tls_port or 0), 10)
        with contextlib.closing(plain), contextlib.suppress(OSError), context.wrap_socket(plain) as peer:
            peer.sendall(associate())
            return peer.recv(1) == b"\2"
        return False

    with a_door(tmp_path, tls=tls) as door:
        old, plain_rsa = trusting(shows=True), trusting(shows=True)
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        plain_rsa.maximum_version = ssl.TLSVersion.TLSv1_2
        plain_rsa.set_ciphers("AES256-SHA256:AES128-SHA256")
        assert [True, False, False, False] == [
            established(one) for one in (trusting(shows=True), trusting(shows=False), old, plain_rsa)
        ]
        with socket.create_connection(("127.0.0.1", door.server.tls_port or 0), 10) as peer:
            peer.sendall(associate())
            assert not rest(peer).startswith(b"\2"), "a port over TLS speaks nothing else"
        for port, options in (
            (door.port, {}),
            (door.server.tls_port or 0, {"tls_args": (trusting(shows=True), "passerelle.test")}),
        ):
            with associated(port, **options) as association:
                assert 3 == len(find(association, query(PatientID=""))[1])


@pytest.mark.parametrize(("networks", "alive"), [((), True), (("127.0.0.0/8",), True), (("10.0.0.0/8", "192.168.1.7"), False)])
def test_a_port_speaks_to_its_networks_only(tmp_path: Path, networks: tuple[str, ...], alive: bool) -> None:
    with a_door(tmp_path, allowed_addresses=networks) as door, raw(door) as peer:
        with contextlib.suppress(ConnectionError):
            peer.sendall(associate())
        assert alive == (peer.recv(1) == b"\2" if alive else bool(rest(peer)))


@pytest.mark.parametrize(("networks", "alive"), [(("127.0.0.1",), True), (("10.0.0.0/8",), False)])
def test_a_title_is_known_only_from_its_own_addresses(tmp_path: Path, networks: tuple[str, ...], alive: bool) -> None:
    with a_door(tmp_path, ModalitySettings(ae_title="CT1", addresses=networks)) as door:
        assert (b"\2" if alive else b"\3\1\1\3") == reply_to(door.port)


def test_a_station_that_cannot_choose_finds_its_own_steps(tmp_path: Path) -> None:
    own = ModalitySettings(ae_title="MR1", own_steps_only=True)
    with a_door(tmp_path, CT1, own) as door:
        door.worklist.put(an_item(9, ScheduledStationAETitle="MR1"))
        for calling, key, count in (
            ("CT1", query(PatientID=""), 4),
            ("MR1", query(PatientID=""), 1),
            ("MR1", query({"ScheduledStationAETitle": "*"}), 1),
            ("MR1", query({"ScheduledStationAETitle": "CT1"}), 3),
        ):
            with associated(door.port, calling) as association:
                assert count == len(find(association, key)[1])


def test_each_station_has_its_own_limit_of_answers(tmp_path: Path) -> None:
    with a_door(tmp_path, CT1, ModalitySettings(ae_title="US1", max_answers=1)) as door:
        for calling, status, count in (("CT1", 0x0000, 3), ("US1", 0xA700, 1)):
            with associated(door.port, calling) as association:
                found = find(association, query(PatientID=""))
                assert (status, count) == (found[0], len(found[1]))


def test_a_step_nobody_performed_leaves_the_list_of_its_station(tmp_path: Path) -> None:
    """The steps start at 08:30 in Paris, half an hour before the clock's 08:15 UTC is an hour further."""
    stays = ModalitySettings(ae_title="CT1", expire_after_h=2.0)
    with (
        a_door(tmp_path, stays, ModalitySettings(ae_title="MR1"), expire_after_h=1.0) as door,
        associated(door.port) as association,
    ):
        door.worklist.put(an_item(8, ScheduledStationAETitle=["MR1", "CT1"]))
        door.worklist.put(an_item(9, ScheduledStationAETitle="MR1"))

        def listed() -> set[str]:
            return {
                one.ScheduledProcedureStepSequence[0].ScheduledProcedureStepID
                for _, one in find(association, query(PatientID=""))[1]
            }

        assert {"SPS1", "SPS2", "SPS3", "SPS8", "SPS9"} == listed()
        door.clock.pass_by(minutes=16)
        assert {"SPS1", "SPS2", "SPS3", "SPS8"} == listed()
        door.clock.pass_by(hours=1)
        assert set() == listed()


def test_what_each_station_last_did_is_known(tmp_path: Path) -> None:
    with a_door(tmp_path) as door, associated(door.port) as association:
        at = door.clock.now
        association.send_c_echo()
        door.clock.pass_by(minutes=1)
        find(association, query(PatientID=""))
        door.clock.pass_by(minutes=1)
        association.send_n_create(performed(step(1)), MPPS, "1.2.3")

        seen = door.stations.status()["CT1"]
        minutes = [
            (one - at).total_seconds() / 60
            for one in (seen.last_echo_at, seen.last_find_at, seen.last_mpps_at, seen.last_at)
            if one
        ]
        assert [0, 1, 2, 2] == minutes


@pytest.mark.parametrize("max_pdu", [0, 128, 256, 1018])
def test_a_peer_that_takes_small_pdus_gets_whole_answers(tmp_path: Path, max_pdu: int) -> None:
    with a_door(tmp_path) as door, raw(door, associate(max_length=max_pdu)) as peer:
        peer.sendall(find_request(encoded(query(PatientName="", AccessionNumber=""), implicit=True)) + pdu(5, bytes(4)))
        data, lengths = rest(peer), []
        at = 0
        while at < len(data):
            length = int.from_bytes(data[at + 2 : at + 6], "big")
            lengths.append((data[at], length))
            at += 6 + length

        assert (6, 4) == lengths[-1]
        assert max(length for kind, length in lengths if kind == 4) <= (max_pdu or 1 << 16)
        assert len(lengths) == (8 if max_pdu in (0, 1018) else len(lengths))


def test_a_pdu_longer_than_we_said_ends_the_association(tmp_path: Path) -> None:
    with a_door(tmp_path) as door, raw(door, associate()) as peer:
        peer.sendall(pdata(bytes(70_000), 0))
        assert pdu(7, b"\0\0\2\6") == rest(peer)


@pytest.mark.parametrize(
    "data",
    [
        pdata(b"x", 2),
        pdata(command(0x20, MWL), 3) + pdata(command(0x20, MWL), 3),
        pdata(command(0x30, ECHO, has_dataset=False), 3, 99),
        pdata(b"\xff" * 40, 3),
        echo_request() + find_request(b"") * 8,
    ],
    ids=["data first", "command twice", "a context not agreed", "no command", "more at once than agreed"],
)
def test_who_breaks_the_rules_of_messages_is_aborted(tmp_path: Path, data: bytes) -> None:
    with a_door(tmp_path) as door:
        with raw(door, associate()) as peer:
            peer.sendall(data + pdata(b"y", 0))
            assert ABORT_BY_USER in rest(peer)
        until(lambda: door.server.connections == 0, 10)
        assert 0 == door.server.held


@pytest.mark.parametrize(
    ("context", "field", "sop_class", "status"),
    [(5, 0x20, ECHO, 0x0211), (3, 0x150, MPPS, 0x0211), (5, 0x30, MWL, 0x0122), (1, 0x30, MWL, 0x0211)],
)
def test_an_operation_that_is_none_of_its_class_gets_a_status(
    tmp_path: Path, context: int, field: int, sop_class: str, status: int
) -> None:
    with a_door(tmp_path) as door, raw(door, associate()) as peer:
        peer.sendall(pdata(command(field, sop_class, has_dataset=False), 3, context) + pdu(5, bytes(4)))
        data = rest(peer)

        assert element(0, 0x900, status.to_bytes(2, "little")) in data
        assert data.endswith(pdu(6, bytes(4)))


def test_past_the_limit_of_associations_one_more_is_told_to_come_back(tmp_path: Path) -> None:
    with a_door(tmp_path, max_associations=2) as door:
        with raw(door, associate()), raw(door, associate()), raw(door) as third:
            third.sendall(associate())
            assert pdu(3, b"\0\2\3\2") == third.recv(10)
        until(lambda: door.server.connections == 0, 10)
        with raw(door, associate()):
            pass


def test_the_connection_that_has_been_silent_for_longest_makes_room(tmp_path: Path) -> None:
    with a_door(tmp_path, max_waiting=3, association_timeout_s=60.0) as door:
        silent = [socket.create_connection(("127.0.0.1", door.port), 10) for _ in range(3)]
        until(lambda: door.server.connections == 3, 10)
        with raw(door, associate()) as peer:
            peer.sendall(echo_request())
            assert peer.recv(65536).startswith(b"\4")
            with contextlib.suppress(ConnectionError):
                assert b"" == silent[0].recv(1)
        for one in silent:
            one.close()


@pytest.mark.parametrize(
    ("data", "last"),
    [
        (b"", b""),
        (associate()[:40], b""),
        (associate(), ABORT_BY_USER),
        (associate() + echo_request()[:20], ABORT_BY_USER),
        (associate() + pdu(5, bytes(4)), pdu(6, bytes(4))),
    ],
    ids=["nothing", "half an association", "nothing more", "half a request", "no close after a release"],
)
def test_every_wait_for_a_peer_has_an_end(tmp_path: Path, data: bytes, last: bytes) -> None:
    with a_door(tmp_path, association_timeout_s=0.3, idle_timeout_s=0.6) as door, raw(door) as peer:
        peer.sendall(data)

        assert rest(peer, stays=True)[-10:] == last
        until(lambda: (door.server.connections, door.server.held) == (0, 0), 10)


def test_a_peer_that_takes_nothing_is_let_go_and_its_answers_are_not_made(tmp_path: Path) -> None:
    with a_door(tmp_path, steps=1, idle_timeout_s=0.6, max_answers=100_000) as door:
        for number in range(2, 600):
            door.worklist.put(an_item(number, PatientComments="x" * 10_000))
        with socket.socket() as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            peer.settimeout(10)
            peer.connect(("127.0.0.1", door.port))
            peer.sendall(associate())
            peer.recv(65536)
            peer.sendall(find_request(encoded(query(PatientComments=""), implicit=True)))
            until(lambda: door.server.connections == 0, 10)
            with associated(door.port) as association:
                assert 0x0000 == association.send_c_echo().Status


def test_memory_of_unfinished_messages_is_shared_and_bounded(tmp_path: Path) -> None:
    with a_door(tmp_path, memory_bytes=300_000) as door, contextlib.ExitStack() as stack:
        peers = [stack.enter_context(raw(door, associate())) for _ in range(4)]
        for number, peer in enumerate(peers):
            until(lambda: door.call(lambda: door.server.held) == number * 96_000, 10)  # noqa: B023 - asked at once
            peer.sendall(pdata(command(0x140, MPPS), 3, 3) + b"".join(pdata(bytes(16_000), 0, 3) for _ in range(6)))

        assert ABORT_BY_USER in rest(peers[-1])
        assert 288_000 == door.call(lambda: door.server.held)


def test_a_release_that_overtakes_its_request_is_answered_after_it(tmp_path: Path) -> None:
    with a_door(tmp_path) as door, raw(door, associate()) as peer:
        body = encoded(performed(step(1)), implicit=True)
        request = command(0x140, MPPS, element(0, 0x1000, b"1.2.3"))
        peer.sendall(pdata(request, 3, 3) + pdata(body, 2, 3) + pdu(5, bytes(4)))
        data = rest(peer)

        assert element(0, 0x900, b"\0\0") in data
        assert data.endswith(pdu(6, bytes(4)))
        assert 1 == door.spool.waiting()


def test_a_peer_that_leaves_before_its_answer_has_told_us_all_the_same(tmp_path: Path) -> None:
    with a_door(tmp_path) as door:
        with raw(door, associate()) as peer:
            request = command(0x140, MPPS, element(0, 0x1000, b"1.2.3"))
            peer.sendall(pdata(request, 3, 3) + pdata(encoded(performed(step(1)), implicit=True), 2, 3))
        until(lambda: door.spool.waiting() == 1, 10)
        until(lambda: (door.server.connections, door.server.held) == (0, 0), 10)


def test_a_stop_tells_open_associations_and_leaves_no_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    with a_door(tmp_path) as door, raw(door, associate()) as peer:
        peer.sendall(echo_request())
        peer.recv(65536)
        kept = peer.dup()
    with kept:
        assert rest(kept) in (ABORT_BY_USER, b"")
    assert threading.active_count() <= before


def test_a_context_in_a_syntax_we_do_not_write_is_refused_alone(tmp_path: Path) -> None:
    entity = AE(ae_title="CT1")
    entity.add_requested_context(MWL, ["1.2.840.10008.1.2.2"])
    entity.add_requested_context(ECHO, [IMPLICIT])
    with a_door(tmp_path) as door:
        association = entity.associate("127.0.0.1", door.port, ae_title="RISMWL")
        assert association.is_established
        assert ([ECHO], [(MWL, 4)]) == (
            [one.abstract_syntax for one in association.accepted_contexts],
            [(one.abstract_syntax, one.result) for one in association.rejected_contexts],
        )
        association.release()
