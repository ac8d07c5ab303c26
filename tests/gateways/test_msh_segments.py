"""Where the header and batch segments of a frame begin, against the same rule written as a regular expression."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateways.edge.hl7 import msh

WORDS = [b"MSH", b"FHS", b"BHS", b"BTS", b"FTS", b"MS", b"HS", b"|", b"x", b"\r", b"\n", b"\r\n", b"MSH|^~\\&|A\r"]
RULE = {
    b"\r": re.compile(rb"(?:\A|\r)\n*(MSH|FHS|BHS|BTS|FTS)"),
    b"\n": re.compile(rb"(?:\A|\n)(MSH|FHS|BHS|BTS|FTS)"),
}


@given(st.lists(st.sampled_from(WORDS), max_size=24).map(b"".join))
@settings(max_examples=2000, deadline=None)
def test_segments_begin_where_the_rule_says(frame: bytes) -> None:
    mark = b"\r" if b"\r" in frame else b"\n"
    expected = [(found.group(1), found.start(1)) for found in RULE[mark].finditer(frame)]

    assert expected == msh._segments(frame) == msh._walk(frame, mark) == msh._search(frame, mark)


def test_a_frame_of_very_many_segments_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(msh, "_walk", None)

    assert [(b"MSH", 0)] == msh._segments(b"MSH|" + b"\r" * 1_000_000)
