"""MLLP framing: whatever is cut wherever, the events are the same and memory is bounded."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateways.edge.hl7.mllp import Decoder, Event, Fault, FaultKind, Frame, encode

MARKS = st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\x1c\r", b"MSH|", b"x", b"\n", b"\xff", b"\x00"])
STREAMS = st.lists(MARKS, max_size=60).map(b"".join)


def events_of(stream: bytes, cuts: list[int], max_frame: int = 20) -> list[Event]:
    decoder, events, before = Decoder(max_frame), [], 0
    for cut in [*sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]:
        events += decoder.feed(stream[before:cut])
        before = cut
        assert decoder.held <= max_frame
    return events + decoder.finish()


@given(STREAMS, st.lists(st.integers(0, 200), max_size=8))
@settings(max_examples=400, deadline=None)
def test_however_the_bytes_are_cut_the_events_are_the_same(stream: bytes, cuts: list[int]) -> None:
    whole = events_of(stream, [])

    assert whole == events_of(stream, cuts)
    assert whole == events_of(stream, list(range(len(stream))))


@given(st.lists(st.binary(max_size=30).filter(lambda payload: not {0x0B, 0x1C} & set(payload)), max_size=6), st.binary(max_size=9))
@settings(max_examples=200, deadline=None)
def test_every_frame_comes_out_as_it_went_in(payloads: list[bytes], noise: bytes) -> None:
    between = noise.replace(b"\x0b", b"")
    stream = b"".join(between + encode(payload) for payload in payloads)

    assert [Frame(payload) for payload in payloads] == Decoder().feed(stream)


@pytest.mark.parametrize("end", [b"\x1c\r", b"\x1c"])
def test_fs_cr_and_fs_alone_both_end_a_frame(end: bytes) -> None:
    assert [Frame(b"one"), Frame(b"two")] == Decoder().feed(b"\x0bone" + end + b"\x0btwo" + end)


def test_nested_start_blocks_are_a_peer_error() -> None:
    events = Decoder().feed(b"\x0bMSH|first\x0bMSH|second\x1c\r")

    assert [Fault(FaultKind.NESTED_START, b"MSH|first"), Frame(b"MSH|second", resumed=True)] == events


def test_a_frame_without_its_end_is_a_peer_error_and_leaves_nothing_behind() -> None:
    decoder = Decoder()

    assert [] == decoder.feed(b"\x0bMSH|half")
    assert [Fault(FaultKind.UNFINISHED, b"MSH|half")] == decoder.finish()
    assert [Frame(b"whole")] == decoder.feed(b"\x0bwhole\x1c\r")


def test_an_oversized_frame_is_one_error_and_is_skipped_to_its_end() -> None:
    decoder = Decoder(max_frame=4)

    events = decoder.feed(b"\x0b12345678\x1c\r\x0bok\x1c\r")

    assert [Fault(FaultKind.TOO_LARGE, b"1234"), Frame(b"ok")] == events


def test_a_frame_of_exactly_the_limit_is_whole() -> None:
    assert [Frame(b"1234")] == Decoder(max_frame=4).feed(b"\x0b1234\x1c")


SLOW, LONG = pytest.mark.slow, [pytest.mark.slow, pytest.mark.long]


@pytest.mark.parametrize(
    ("seed", "count"),
    [(7, 5_000), pytest.param(7, 200_000, marks=SLOW), *(pytest.param(seed, 200_000, marks=LONG) for seed in range(8, 17))],
)
def test_random_inputs_agree_whole_and_byte_by_byte(seed: int, count: int) -> None:
    chance = random.Random(seed)
    alphabet = [0x0B, 0x1C, 0x0D, 0x0A, 0x4D, 0x00, 0xFF, 0x7C]
    for _ in range(count):
        stream = bytes(chance.choices(alphabet, k=chance.randrange(24)))
        assert events_of(stream, [], 8) == events_of(stream, list(range(len(stream))), 8)
    print(f"mllp_inputs_agree {count} inputs seed {seed}")
