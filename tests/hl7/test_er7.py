r"""The ER7 reader loses nothing, and whatever it is given it returns a message or names the place that is wrong.

Invariant: `read(data).encode() == data`, or `InvalidInput` with a field, and never anything else.
Oracles for the parts they can read: python-hl7 (UTF-8 and plain segments) and hl7apy (standard segments).
"""

import hl7
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ris.adapters.agenda.er7 import NULL, Delimiters, Value, escape, frame, read, segment, unescape
from ris.domain.errors import InvalidInput

HEADER = "MSH|^~\\&|HIS|CH|RIS|CIM|20260112081500||ADT^A28^ADT_A05|M1|T|2.5^FRA^2.11|||||FRA|{}|FR"


def msg(*segments: str, charset: str = "UNICODE UTF-8", end: str = "\r") -> bytes:
    codec = {"8859/1": "latin-1", "8859/15": "iso8859-15", "": "ascii", "ASCII": "ascii"}.get(charset, "utf-8")
    return "".join(each + end for each in (HEADER.format(charset), *segments)).encode(codec)


def test_every_byte_of_a_latin_message_comes_back_and_stands_in_its_field():
    every = bytes(byte for byte in range(256) if byte not in b"\r|^~\\&")
    data = msg(charset="8859/1") + b"NTE|1||" + every + b"\r"

    message = read(data)

    assert message.encode() == data
    assert len(message.all("NTE")[0].field(3).text()) == len(every)


@pytest.mark.parametrize("charset", ["8859/1", "8859/15"])
def test_each_single_byte_round_trips(charset):
    for byte in range(256):
        data = msg(charset=charset) + b"ZFA|a" + bytes([byte]) + b"b|c\r"
        assert read(data).encode() == data, byte


@given(st.binary(max_size=300))
@example(b"")
@example(b"\r\r\n")
@example(b"MSH")
@example(b"MSH|")
@example(b"MSH|^")
@example(b"MSH||||")
@example(b"\xef\xbb\xbfMSH|^~\\&|\r")
def test_garbage_is_a_message_or_a_named_place(tail):
    for data in (tail, b"MSH" + tail, msg(charset="8859/1") + tail, msg(charset="") + tail, msg() + tail):
        refused_at, message = None, None
        try:
            message = read(data, "8859/1")
        except InvalidInput as error:
            refused_at = error.field
        assert message is None or message.encode() == data
        assert message is not None or str(refused_at).startswith("MSH")
        for each in message.segments if message else []:
            assert [each.field(number).text() for number in range(1, 6)]


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)


@given(st.lists(st.lists(TEXT, max_size=5), max_size=5), st.sampled_from(["\r", "\r\n", "\r\r", "\r \r"]))
def test_a_grammatical_message_round_trips_whole(rows, end):
    # LF in front of a line belongs to the end before it, so a first field never begins with one here.
    lines = [f"Z{number:02}|" + "|".join(escape(text) for text in row) for number, row in enumerate(rows)]
    data = msg(*lines, end=end)

    message = read(data)

    assert message.encode() == data
    assert [
        [each.field(n + 1).text() for n in range(len(row))] for each, row in zip(message.segments[1:], rows, strict=True)
    ] == rows


@given(TEXT)
@settings(max_examples=500)
def test_any_text_stands_in_a_field_without_cutting_it(text):
    raw = escape(text)

    assert unescape(raw) == text
    assert not set(raw) & set("|^~&\r\n\x0b\x1c")
    assert read(frame([HEADER.format("UNICODE UTF-8"), segment("PID", {5: raw})])).first("PID").field(5).raw == raw


def test_two_quotes_written_as_text_are_never_shown_either():
    assert escape(NULL) != NULL
    assert Value(escape(NULL), Delimiters()).word() == ""
    assert Value('""', Delimiters()).text() == ""


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        (r"A\F\B\S\C\T\D\R\E\E\F", r"A|B^C&D~E\F"),
        (r"un\.br\deux", "un\ndeux"),
        (r"\.sp2\x\.sk3\y", "\n\nx   y"),
        (r"\H\gras\N\ fin", "gras fin"),
        (r"\XC3A9\t\xe9\'", r"ét\xe9\'"),
        (r"\XC3\ seul", r"\XC3\ seul"),
        (r"C:\dossier\T\fin", r"C:\dossier&fin"),
        (r"\Cxxyy\ \Zabc\ ", r"\Cxxyy\ \Zabc\ "),
        ("\\", "\\"),
        (r"\\F\\", r"\|" + "\\"),
        (r"\X414\ impair", r"\X414\ impair"),
    ],
)
def test_escape_sequences(raw, meant):
    assert unescape(raw) == meant


def test_hex_means_a_byte_of_the_message_s_own_set():
    message = read(msg("NTE|1||\\XE9\\ \\X92\\", charset="8859/1"))

    assert message.first("NTE").field(3).text() == "é ’"


def test_windows_punctuation_in_8859_1_is_what_its_sender_saw():
    data = msg(charset="8859/1") + b"PID|||||D\x92OR\x9c\r"

    message = read(data)

    assert message.first("PID").field(5).text() == "D’ORœ"
    assert message.encode() == data


def test_other_delimiters_are_those_of_the_message():
    message = read(b"MSH!*%$@!HIS!CH\rPID!!!1*2@3%4!a$F$b\r")
    pid = message.first("PID")

    assert message.delimiters == ("!", "*", "%", "$", "@")
    assert [each.raw for each in pid.field(3).repetitions()] == ["1*2@3", "4"]
    assert pid.field(3).component(2).subcomponent(2).text() == "3"
    assert pid.field(4).text() == "a!b"


def test_a_message_without_escape_character_has_no_escapes():
    message = read(b"MSH|^~|HIS\rNTE|1|\\F\\\r")

    assert message.first("NTE").field(2).text() == "\\F\\"


@pytest.mark.parametrize(
    ("data", "code", "field"),
    [
        (b"", "no_msh", "MSH"),
        (b"PID|1\r", "no_msh", "MSH"),
        (b"FHS|^~\\&|\rMSH|^~\\&|\r", "no_msh", "MSH"),
        (b"MSH|^~\\&|A\rMSH|^~\\&|B\r", "several_messages", "MSH"),
        (b"MSH", "delimiters_missing", "MSH-1"),
        (b"MSHA^~\\&A", "delimiters_missing", "MSH-2"),
        (b"MSH||HIS|", "delimiters_missing", "MSH-1"),
        (b"MSH|^^\\&|HIS", "delimiters_ambiguous", "MSH-2"),
        (msg(charset="") + b"NTE|\xe9\r", "characters_not_of_charset", "MSH-18"),
        (msg() + b"NTE|\xe9\r", "characters_not_of_charset", "MSH-18"),
        (msg(charset="UNICODE UTF-16"), "unknown_charset", "MSH-18"),
    ],
)
def test_what_cannot_be_read_names_its_place(data, code, field):
    with pytest.raises(InvalidInput) as caught:
        read(data)

    assert (caught.value.code, caught.value.field) == (code, field)


def test_an_empty_msh_18_means_the_source_s_set():
    data = msg(charset="") + "NTE|1|Gwénaëlle\r".encode("latin-1")

    assert read(data, "8859/1").first("NTE").field(2).text() == "Gwénaëlle"
    assert read(data, "8859/15").charset == "8859/15"


@pytest.mark.parametrize("end", ["\r", "\r\n", "\r\r", "\n", "\r \r"])
def test_blank_lines_and_other_ends_change_nothing(end):
    data = msg("EVN||20260112", "PID|||1|", end=end)

    message = read(data)

    assert [each.name for each in message.segments] == ["MSH", "EVN", "PID"]
    assert message.first("EVN").field(2).text() == "20260112"
    assert message.encode() == data


def test_a_line_feed_inside_a_field_is_text_when_carriage_returns_end_segments():
    message = read(msg("NTE|1||une\nligne", "PID|||1"))

    assert message.first("NTE").field(3).text() == "une\nligne"
    assert [each.name for each in message.segments] == ["MSH", "NTE", "PID"]


def test_a_byte_order_mark_is_kept_and_disturbs_nothing():
    data = b"\xef\xbb\xbf" + msg("PID|||1")

    assert read(data).header.field(10).text() == "M1"
    assert read(data).encode() == data


def test_trailing_delimiters_mean_nothing():
    plain, trailing = (read(msg(each)).first("PID") for each in ("PID|||1^^^A&B&ISO^PI", "PID|||1^^^A&B&ISO^PI^^^~|||||"))

    for number in (3, 4, 20):
        assert plain.field(number).component(1).text() == trailing.field(number).component(1).text()
    assert plain.field(3).component(4).subcomponent(2).text() == trailing.field(3).component(4).subcomponent(2).text() == "B"


def test_python_hl7_reads_the_same_fields():
    data = msg("PID|||IPP-1^^^CH&1.2&ISO^PI~2^^^^NH||ADRUN^ZOE^^^^^L|", "ZFA|ACTIF|20260112||||||||INO")
    theirs = hl7.parse(data.decode())

    ours = read(data)

    for name in ("PID", "ZFA"):
        fields = theirs.segment(name)
        assert [ours.first(name).field(number).raw for number in range(1, len(fields))] == [str(each) for each in fields[1:]]


def test_hl7apy_reads_the_same_components():
    from hl7apy.parser import parse_segment

    line = "PID|||IPP-1^^^CH&1.2&ISO^PI||ADRUN^ZOE^ZOE MARIE^^^^L||19751231|F"
    theirs = parse_segment(line, version="2.5")

    pid = read(msg(line)).first("PID")

    assert pid.field(5).component(3).text() == theirs.pid_5.pid_5_3.to_er7()
    assert pid.field(3).component(4).subcomponent(2).text() == theirs.pid_3.pid_3_4.to_er7().split("&")[1]
    assert pid.field(7).text() == theirs.pid_7.to_er7()


def test_what_hl7apy_drops_is_here():
    data = msg("ZBE|MV-1^CIM^1.2^ISO|20260112||INSERT|N", "ZFA|ACTIF", "ZFD|||Y|N|INSI", "PRT|1|UC")

    assert [each.name for each in read(data).segments] == ["MSH", "ZBE", "ZFA", "ZFD", "PRT"]


@pytest.mark.parametrize("size", [2_000_000])
def test_a_hostile_megabyte_takes_no_more_than_its_length(size):
    r"""Long runs of escapes, delimiters and a header that never ends are read once, not once per character."""
    for filler in (b"\\", b"|", b"^", b"\\X", b"\r", b"MSH", b"\\.sp"):
        data = msg(charset="8859/1") + b"NTE|1||" + filler * (size // len(filler) // 8)
        message = read(data)
        message.segments[-1].field(3).text()
