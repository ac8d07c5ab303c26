"""The upper layer against PS3.8 table 9-10, written out once more here, and its codec whole and byte by byte."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateways.edge.dicom import pdu, upper_layer
from gateways.edge.dicom.pdu import Reader
from gateways.edge.dicom.upper_layer import Aborted, Event, NotAllowed, State, UpperLayer
from tests.support.dicom import ECHO, MPPS, MWL, associate, echo_request, find_request, pdata
from tests.support.dicom import pdu as write

# PS3.8 table 9-10 for an acceptor that never asks for release: rows are events, columns Sta1, Sta2, Sta3, Sta6, Sta8, Sta13.
STATES = (1, 2, 3, 6, 8, 13)
TABLE = """
 3 | -      | AA-1 13 | AA-8 13 | AA-8 13 | AA-8 13 | AA-6 13
 4 | -      | AA-1 13 | AA-8 13 | AA-8 13 | AA-8 13 | AA-6 13
 5 | AE-5 2 | -       | -       | -       | -       | -
 6 | -      | AE-6 3  | AA-8 13 | AA-8 13 | AA-8 13 | AA-7 13
 7 | -      | -       | AE-7 6  | -       | -       | -
 8 | -      | -       | AE-8 13 | -       | -       | -
 9 | -      | -       | -       | DT-1 6  | AR-7 8  | -
10 | -      | AA-1 13 | AA-8 13 | DT-2 6  | AA-8 13 | AA-6 13
12 | -      | AA-1 13 | AA-8 13 | AR-2 8  | AA-8 13 | AA-6 13
13 | -      | AA-1 13 | AA-8 13 | AA-8 13 | AA-8 13 | AA-6 13
14 | -      | -       | -       | -       | AR-4 13 | -
15 | -      | -       | AA-1 13 | AA-1 13 | AA-1 13 | -
16 | -      | AA-2 1  | AA-3 1  | AA-3 1  | AA-3 1  | AA-2 1
17 | -      | AA-5 1  | AA-4 1  | AA-4 1  | AA-4 1  | AR-5 1
18 | -      | AA-2 1  | -       | -       | -       | AA-2 1
19 | -      | AA-1 13 | AA-8 13 | AA-8 13 | AA-8 13 | AA-7 13
"""
CELLS = {
    (state, int(row.split("|")[0])): cell.split()
    for row in TABLE.strip().splitlines()
    for state, cell in zip(STATES, (part.strip() for part in row.split("|")[1:]), strict=True)
}
# What each action puts on the wire, whether it starts or stops ARTIM, whether it indicates, whether it closes (PS3.8 9.2.1).
SENT: dict[str, bytes] = {
    "AE-7": b"accept",
    "AE-8": b"reject",
    "DT-1": b"data",
    "AR-7": b"data",
    "AR-4": b"\6\0\0\0\0\4\0\0\0\0",
    "AA-1": b"\7\0\0\0\0\4\0\0\0\0",
    "AA-7": b"\7\0\0\0\0\4\0\0\2",
    "AA-8": b"\7\0\0\0\0\4\0\0\2",
}
STARTS = {"AE-5", "AE-8", "AR-4", "AA-1", "AA-8"}
STOPS = {"AE-6", "AR-5", "AA-2", "AA-5"}
INDICATES = {"AE-6": pdu.AssociateRequest, "DT-2": pdu.DataTransfer, "AR-2": pdu.ReleaseRequest} | dict.fromkeys(
    ("AA-3", "AA-4", "AA-8"), Aborted
)
CLOSES = {"AA-2", "AA-3"}
ON_THE_WIRE = {
    3: write(2, bytes(80)),
    4: write(3, bytes(4)),
    6: associate(),
    10: echo_request(),
    12: write(5, bytes(4)),
    13: write(6, bytes(4)),
    16: write(7, bytes(4)),
    19: write(99, b""),
}


def in_state(state: int) -> UpperLayer:
    """Bring a machine into a state as a peer would."""
    layer = UpperLayer(16384)
    if state == 1:
        layer.receive(ON_THE_WIRE[16])
        assert layer.next() is None
    if state in (3, 6, 8):
        layer.receive(ON_THE_WIRE[6])
        assert isinstance(layer.next(), pdu.AssociateRequest)
    if state in (6, 8):
        layer.accept(b"")
    if state == 8:
        layer.receive(ON_THE_WIRE[12])
        assert isinstance(layer.next(), pdu.ReleaseRequest)
    if state == 13:
        layer.receive(write(3, bytes(4)))
        assert layer.next() is None
    layer.take()
    assert state == layer.state
    return layer


def happen(layer: UpperLayer, event: int) -> Any:
    if event in ON_THE_WIRE:
        layer.closed = False
        layer.receive(ON_THE_WIRE[event])
        return layer.next()
    return {
        7: lambda: layer.accept(b"accept"),
        8: lambda: layer.reject(b"reject"),
        9: lambda: layer.send(b"data"),
        14: layer.release,
        15: layer.abort,
        17: layer.connection_closed,
        18: layer.artim_expired,
    }[event]()


@pytest.mark.parametrize(("state", "event"), [cell for cell in CELLS if cell[1] != 5])
def test_every_cell_of_the_standards_table(state: int, event: int) -> None:
    layer, cell = in_state(state), CELLS[state, event]
    before = layer.artim

    if cell == ["-"]:
        if event in (15, 17):  # wishes and facts of the owner that need no row: it closes
            happen(layer, event)
            assert (state, True) == (layer.state, layer.closed)
            return
        with pytest.raises(NotAllowed):
            happen(layer, event)
        return
    action, following = cell
    indication = happen(layer, event)

    assert int(following) == layer.state
    assert layer.take().startswith(SENT.get(action, b""))
    assert layer.artim == (True if action in STARTS else False if action in STOPS else before)
    assert isinstance(indication, INDICATES.get(action, type(None)))
    assert layer.closed == (action in CLOSES or event == 17)


def test_the_codes_table_is_the_one_above_and_no_more() -> None:
    ours = {
        (state, event): [action.name.replace("_", "-"), str(int(following))]
        for state, row in upper_layer.TABLE.items()
        for event, (action, following) in row.items()
    }

    assert {cell: found for cell, found in CELLS.items() if found != ["-"]} == {
        (int(state), int(event)): found for (state, event), found in ours.items()
    }
    assert set(STATES) == {int(state) for state in State}
    assert {event for _, event in CELLS} == {int(event) for event in Event}


def test_a_protocol_version_we_do_not_speak_is_rejected_by_the_provider() -> None:
    layer = UpperLayer(16384)
    layer.receive(associate(version=2))

    assert layer.next() is None
    assert (State.AWAITING_CLOSE, b"\3\0\0\0\0\4\0\1\2\2", True) == (layer.state, layer.take(), layer.artim)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x63\0\0\0\0\0", 1),
        (b"G", None),
        (b"GET / HTTP/1.1\r\n\r\n", 1),
        (b"\4\0\0\1\0\1", 6),
        (b"\1\0\x7f\xff\xff\xff", 6),
        (b"\5\0\0\0\4\1", 6),
        (write(4, b""), 6),
        (write(4, b"\0\0\0\1\1\3"), 6),
        (write(4, b"\0\0\0\7\1\3ab"), 6),
        (write(1, bytes(67)), 6),
        (associate()[:-1] + b"\xff", None),
    ],
)
def test_what_is_no_pdu_is_said_as_soon_as_it_is_known(data: bytes, reason: int | None) -> None:
    reader = Reader(65536)
    reader.feed(data)
    found = reader.next()

    assert reason == (found.reason if isinstance(found, pdu.Invalid) else None)
    if reason is not None:
        reader.feed(bytes(100_000))
        assert (0, None) == (reader.held, reader.next())


def test_titles_contexts_roles_and_limits_are_read() -> None:
    role = b"\0\x14" + b"1.2.840.10008.1.20.1" + b"\0\1"
    more = b"\x54\0" + len(role).to_bytes(2, "big") + role + b"\x53\0\0\4\0\0\0\0"
    found = pdu.decode(1, associate(b" RIS".ljust(16), b"CT1".ljust(16, b"\0"), max_length=0, more=more)[6:])

    assert isinstance(found, pdu.AssociateRequest)
    assert (b" RIS".ljust(16), b"CT1".ljust(16, b"\0"), 0, True) == (
        found.called,
        found.calling,
        found.max_length,
        found.asynchronous,
    )
    assert [(1, MWL), (3, MPPS), (5, ECHO)] == [(one.id, one.abstract_syntax) for one in found.contexts]
    assert (pdu.Role("1.2.840.10008.1.20.1", scu=False, scp=True),) == found.roles


@pytest.mark.parametrize("max_length", [0, 7, 8, 100, 256, 16384, 1 << 20])
@given(data=st.binary(max_size=3000), is_command=st.booleans())
@settings(max_examples=40, deadline=None)
def test_what_is_written_in_pieces_is_read_back_and_no_piece_is_over_the_limit(
    max_length: int, data: bytes, is_command: bool
) -> None:
    reader = Reader(1 << 20)
    reader.feed(pdu.encode_data(5, data, is_command=is_command, max_length=max_length))
    pieces = []
    while (found := reader.next()) is not None:
        assert isinstance(found, pdu.DataTransfer)
        pieces += found.values

    assert data == b"".join(one.data for one in pieces)
    assert {(5, is_command)} == {(one.context_id, one.is_command) for one in pieces}
    assert [len(pieces) - 1] == [number for number, one in enumerate(pieces) if one.is_last]
    if max_length:
        assert max(len(one.data) + 6 for one in pieces) <= max(max_length, 8)


VALID = [*ON_THE_WIRE.values(), find_request(b"\x10\0\x10\0\0\0\0\0"), pdata(b"x" * 40, 2)]


def mutated(parts: list[bytes], cuts: list[tuple[int, int]]) -> bytes:
    data = bytearray(b"".join(parts))
    for position, value in cuts:
        if data:
            data[position % len(data)] = value
    return bytes(data)


STREAMS = st.builds(
    mutated,
    st.lists(st.sampled_from(VALID) | st.binary(max_size=30), max_size=5),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=4),
)


def drain(reader: Reader) -> list[Any]:
    found = []
    while (one := reader.next()) is not None:
        found.append((type(one), one if isinstance(one, tuple) else astuple(one)))
    return found


@given(STREAMS)
@settings(max_examples=400, deadline=None)
def test_bytes_mean_the_same_whole_and_one_by_one(data: bytes) -> None:
    whole, single = Reader(4096), Reader(4096)
    whole.feed(data)
    expected, found = drain(whole), []
    for number in range(len(data)):
        single.feed(data[number : number + 1])
        found += drain(single)
        assert single.held <= pdu.MAX_ASSOCIATE + 6

    assert expected == found


@given(STREAMS, st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_bytes_leave_the_machine_in_a_state_of_the_table(data: bytes, accept: bool) -> None:
    layer = UpperLayer(4096)
    layer.receive(data)
    while (found := layer.next()) is not None:
        if isinstance(found, pdu.AssociateRequest):
            layer.accept(b"") if accept else layer.reject(b"")
        elif isinstance(found, pdu.ReleaseRequest):
            layer.release()

    assert layer.state in upper_layer.TABLE
    layer.abort()
    layer.connection_closed()
    assert layer.closed
