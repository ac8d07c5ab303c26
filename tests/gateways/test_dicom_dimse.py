"""Command sets and messages put together from fragments: whole, in pieces, and broken."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.filereader import read_dataset

from gateways.edge.dicom import dimse
from gateways.edge.dicom.dimse import Assembler, Field, Message, Outcome, PeerFault, TooLarge, decode_command, encode_response
from gateways.edge.dicom.pdu import Pdv
from tests.support.dicom import COMMITMENT, ECHO, MPPS, MWL, command, element


def test_a_request_is_read_with_what_it_names() -> None:
    more = element(0, 0x1000, b"1.2.3") + element(0, 0x1002, b"\1\0")
    read = decode_command(command(0x0100, COMMITMENT, more, message_id=513))

    assert (Field.N_EVENT_REPORT, 513, COMMITMENT) == (read.field, read.message_id, read.sop_class)
    assert ("1.2.3", True, 1) == (read.sop_instance, read.has_dataset, read.event_type)


def test_requested_names_of_set_and_cancel_are_read_too() -> None:
    requested = (
        element(0, 3, MPPS.encode()) + element(0, 0x100, b"\x20\1") + element(0, 0x110, b"\7\0") + element(0, 0x1001, b"1.2")
    )
    cancel = element(0, 0x100, b"\xff\x0f") + element(0, 0x120, b"\7\0") + element(0, 0x800, b"\1\1")

    assert (MPPS, "1.2", 7, False) == (
        decode_command(requested).sop_class,
        decode_command(requested).sop_instance,
        decode_command(requested).message_id,
        decode_command(requested).has_dataset,
    )
    assert (Field.C_CANCEL, 7) == (decode_command(cancel).field, decode_command(cancel).message_id)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        command(0x30, ECHO)[:-3],
        command(0x30, ECHO) + b"\0\0",
        element(0, 0x100, b"\x30\0"),
        element(0, 0x110, b"\1\0"),
        element(0, 0x100, b"") + element(0, 0x110, b"\1\0"),
        element(8, 0x100, b"\x30\0") + command(0x30, ECHO),
        b"\0\0\0\1\xff\xff\xff\xff" + command(0x30, ECHO),
    ],
    ids=["nothing", "cut", "rest", "no id", "no field", "empty field", "other group", "no end"],
)
def test_a_command_that_is_none_is_the_peers_fault(data: bytes) -> None:
    with pytest.raises(PeerFault):
        decode_command(data)


def test_a_response_says_everything_in_the_order_of_tags() -> None:
    request = decode_command(command(0x0100, COMMITMENT, element(0, 0x1002, b"\2\0"), message_id=9))
    outcome = Outcome(0x0110, "no more than that", tag=0x00400002, error_id=0xA710, sop_instance="1.2.34")
    encoded = encode_response(request, outcome, sop_class=COMMITMENT)
    read = read_dataset(io.BytesIO(encoded), True, True)

    assert (len(encoded) - 12, 0x8100, 9) == (read.CommandGroupLength, read.CommandField, read.MessageIDBeingRespondedTo)
    assert (0x0110, 0x0101, COMMITMENT) == (read.Status, read.CommandDataSetType, read.AffectedSOPClassUID)
    assert ("no more than that", 0x00400002, 0xA710) == (read.ErrorComment, int(read.OffendingElement), read.ErrorID)
    assert ("1.2.34", 2) == (read.AffectedSOPInstanceUID, read.EventTypeID)
    assert [int(one.tag) for one in read] == sorted(int(one.tag) for one in read)


def fragments(message: bytes, dataset: bytes, size: int, context: int = 1) -> list[Pdv]:
    def cut(data: bytes, is_command: bool) -> list[Pdv]:
        starts = range(0, max(len(data), 1), size)
        return [Pdv(context, is_command, at + size >= len(data), data[at : at + size]) for at in starts]

    return cut(message, True) + cut(dataset, False)


def feed(assembler: Assembler, values: list[Pdv]) -> None:
    for value in values:
        assembler.feed(value)


@given(st.binary(max_size=400), st.integers(1, 90))
@settings(max_examples=150, deadline=None)
def test_a_message_is_the_same_in_any_pieces(dataset: bytes, size: int) -> None:
    assembler, found = Assembler(), []
    for value in fragments(command(0x20, MWL, message_id=3), dataset, size) * 2:
        message = assembler.feed(value)
        if message is not None:
            found.append(message)

    assert [(1, 0x20, 3, dataset)] * 2 == [
        (one.context_id, one.command.field, one.command.message_id, one.dataset) for one in found
    ]
    assert 0 == assembler.held


@pytest.mark.parametrize(
    "values",
    [
        [Pdv(1, False, True, b"x")],
        [Pdv(1, True, True, command(0x20, MWL)), Pdv(1, True, True, command(0x20, MWL))],
        [Pdv(1, True, True, command(0x20, MWL)), Pdv(3, False, True, b"x")],
        [Pdv(1, True, False, command(0x20, MWL)[:20]), Pdv(3, True, True, command(0x20, MWL)[20:])],
    ],
    ids=["data first", "command twice", "data of another context", "command of two contexts"],
)
def test_a_fragment_out_of_place_is_the_peers_fault(values: list[Pdv]) -> None:
    with pytest.raises(PeerFault):
        feed(Assembler(), values)


@pytest.mark.parametrize(("is_command", "most"), [(True, dimse.MAX_COMMAND), (False, 1000)])
def test_what_is_held_is_bounded(is_command: bool, most: int) -> None:
    assembler = Assembler(max_dataset=1000)
    if not is_command:
        assembler.feed(Pdv(1, True, True, command(0x20, MWL)))
    with pytest.raises(TooLarge):
        feed(assembler, [Pdv(1, is_command, False, bytes(100))] * (most // 100 + 1))


def test_fragments_without_content_do_not_add_up() -> None:
    with pytest.raises(TooLarge):
        feed(Assembler(), [Pdv(1, True, False, b"")] * (dimse.MAX_DATASET // 64 + 1))


@given(st.lists(st.tuples(st.sampled_from([1, 3]), st.booleans(), st.booleans(), st.binary(max_size=60)), max_size=8))
@settings(max_examples=300, deadline=None)
def test_any_fragments_are_messages_or_the_peers_fault(values: list[tuple[int, bool, bool, bytes]]) -> None:
    assembler = Assembler()
    try:
        for value in values:
            message = assembler.feed(Pdv(*value))
            assert message is None or isinstance(message, Message)
    except PeerFault:
        pass
