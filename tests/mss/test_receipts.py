"""What comes back, in the shapes other software writes it: which row it speaks of, and whether it is the end."""

from __future__ import annotations

import re
import zipfile
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.services.mss_answers import LABELS, Mail, answer, archive_of, reshaped
from ris.adapters.dispatch.mss.mail import subject
from ris.adapters.dispatch.mss.receipts import read_receipts
from ris.adapters.dispatch.mss.returned_archive import document_of
from ris.application.dispatch.mail_port import Receipt
from tests.support.frozen_reports import a_frozen_report
from tests.support.mss import DOCTOR, MAILBOX, NUMBER, a_mail

AT = datetime(2026, 11, 26, 10, 5, tzinfo=UTC)
MESSAGE_ID = "00112233-4455-6677-8899-aabbccddeeff@ope.mssante.fr"
DOCUMENT = a_frozen_report().document_id


@lru_cache
def sent(full: bool = False) -> Mail:
    text = subject(a_frozen_report(), kind="create")
    return Mail(a_mail(), MAILBOX, DOCTOR, f"<{MESSAGE_ID}>", NUMBER, DOCTOR, full, text)


def came(full: bool = False, **step: Any) -> bytes:
    return answer(step, sent(full), operator="ope.mssante.fr", at=AT)


def only(content: bytes) -> Receipt:
    (found,) = read_receipts(content)
    return found


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize(
    ("action", "kind", "code"),
    [
        ("delivered", "delivered", "2.0.0"), ("failed", "failed", "5.1.1"), ("delayed", "delayed", "4.4.1"),
        ("relayed", "relayed", "2.0.0"), ("expanded", "relayed", "2.0.0"),
    ],
)  # fmt: skip
def test_a_report_of_an_operator(full: bool, fold: bool, action: str, kind: str, code: str) -> None:
    found = only(came(full, answer="dsn", action=action, fold=fold))

    assert (found.kind, found.code, found.envelope_id, found.message_id, found.recipient) == (
        kind,
        code,
        NUMBER,
        MESSAGE_ID,
        DOCTOR,
    )


def test_a_report_without_the_envelope_id_is_known_by_what_it_returns() -> None:
    found = only(came(answer="dsn", without=["envelope_id", "original_recipient"]))

    assert (found.envelope_id, found.message_id, found.recipient) == ("", MESSAGE_ID, DOCTOR)


def test_a_report_nobody_can_correlate_says_no_more_than_it_does() -> None:
    found = only(came(answer="dsn", without=["envelope_id", "original_recipient", "returned"]))

    assert (found.kind, found.envelope_id, found.message_id) == ("delivered", "", "")


def test_a_report_of_two_recipients_is_two_receipts() -> None:
    group = b"\r\nFinal-Recipient: rfc822;Second@Ope.mssante.fr\r\nAction: failed\r\nStatus: 5.2.1 (closed)\r\n"
    text = came(answer="dsn").replace(b"\r\nDiagnostic-Code: smtp; 250 2.0.0 Ok\r\n", b"\r\n" + group, 1)

    assert [(one.kind, one.recipient, one.code) for one in read_receipts(text)] == [
        ("delivered", DOCTOR, "2.0.0"), ("failed", "second@ope.mssante.fr", "5.2.1")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("disposition", "kind"),
    [("processed", "processed"), ("displayed", "read"), ("deleted", "deleted"), ("dispatched", "processed"), ("denied", "other")],
)
@pytest.mark.parametrize("brackets", ["yes", "no", "spaced"])
def test_a_receipt_of_a_recipient(disposition: str, kind: str, brackets: str) -> None:
    found = only(came(answer="mdn", disposition=disposition, brackets=brackets))

    assert (found.kind, found.message_id, found.recipient, found.code) == (kind, MESSAGE_ID, DOCTOR, "")


@pytest.mark.parametrize("code", sorted(LABELS))
def test_a_refusal_of_a_recipient_s_software(code: str) -> None:
    found = only(came(answer="mdn", code=code))

    assert (found.kind, found.code, found.message_id) == ("error", code, MESSAGE_ID)
    assert found.words.startswith(LABELS[code].split("é")[0])


def test_a_receipt_is_correlated_by_what_is_left() -> None:
    by_reply = only(came(answer="mdn", without=["original_message_id", "returned"]))
    by_return = only(came(answer="mdn", without=["original_message_id", "in_reply_to"]))
    nobody = only(came(answer="mdn", without=["original_message_id", "in_reply_to", "returned"]))

    assert [one.message_id for one in (by_reply, by_return, nobody)] == [MESSAGE_ID, MESSAGE_ID, ""]


def test_a_label_with_a_semicolon_is_still_a_failure() -> None:
    text = came(answer="mdn", code="906").replace(b"906^Autre erreur", b"906^Autre; processed")

    assert (only(text).kind, only(text).code) == ("error", "906")


@pytest.mark.parametrize("shape", ["usual", "example"])
@pytest.mark.parametrize("returned", ["message", "archive", "none"])
def test_a_standard_mail_that_refuses(shape: str, returned: str) -> None:
    found = only(came(answer="ko", code="902", subject=shape, returned=returned))

    assert (found.kind, found.code, found.sender) == ("ko", "902", DOCTOR)
    assert found.message_id == (MESSAGE_ID if returned == "message" else "")
    assert found.document_id == ("" if returned == "none" else DOCUMENT)


def test_a_standard_mail_may_name_what_it_answers() -> None:
    assert only(came(answer="ko", returned="none", in_reply_to=True)).message_id == MESSAGE_ID


@pytest.mark.parametrize("how", ["same", "backslashes", "outer_folder", "lower_case", "parent_folder"])
def test_a_returned_archive_is_read_whatever_its_names(how: str) -> None:
    assert only(came(answer="ko", returned="archive", archive=how)).document_id == DOCUMENT


def test_a_person_s_answer_is_no_receipt() -> None:
    found = only(came(answer="reply", text="[902] merci"))

    assert (found.kind, found.message_id) == ("other", MESSAGE_ID)


def test_a_mail_cut_after_its_first_part_is_read() -> None:
    for step in ({"answer": "dsn"}, {"answer": "mdn"}):
        whole = came(full=True, **step)
        assert len(whole) > 20_000
        assert read_receipts(whole[:4000]) == read_receipts(whole)


def archive(**entries: bytes) -> bytes:
    written = BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in entries.items():
            made.writestr(name.replace("__", "/").replace("_XML", ".XML"), content)
    return written.getvalue()


def metadata() -> bytes:
    with zipfile.ZipFile(BytesIO(archive_of(a_mail()))) as opened:
        return opened.read("IHE_XDM/SUBSET01/METADATA.XML")


def test_an_archive_that_cannot_be_told_says_nothing() -> None:
    good = metadata()
    said = re.search(rb'<rim:ExternalIdentifier [^>]*value="' + DOCUMENT.encode() + rb'".*?</rim:ExternalIdentifier>', good)
    assert said is not None
    doubled = good.replace(said[0], said[0] + said[0].replace(DOCUMENT.encode(), b"2.25.1"))
    link = BytesIO()
    with zipfile.ZipFile(link, "w") as made:
        entry = zipfile.ZipInfo("METADATA.XML")
        entry.external_attr = 0o120777 << 16
        made.writestr(entry, good)

    assert document_of(archive(a__METADATA_XML=good)) == DOCUMENT
    assert document_of(archive(a__METADATA_XML=good, b__METADATA_XML=good)) == ""
    assert document_of(archive(METADATA_XML=b"<x")) == ""
    assert document_of(archive(METADATA_XML=doubled)) == ""
    assert document_of(archive(METADATA_XML=b"x" * (5 << 20))) == ""
    assert document_of(link.getvalue()) == ""
    assert document_of(archive(METADATA_XML=good)[:-40]) == ""
    entity = good.replace(b"?>\n", b'?>\n<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', 1).replace(
        DOCUMENT.encode(), b"&e;", 1
    )
    assert document_of(archive(METADATA_XML=entity)) == ""


def test_quotes_of_either_kind_are_read() -> None:
    assert (
        document_of(archive(METADATA_XML=metadata().replace(f'value="{DOCUMENT}"'.encode(), f"value='{DOCUMENT}'".encode())))
        == DOCUMENT
    )


@pytest.mark.parametrize("how", ["backslashes", "parent_folder"])
def test_names_are_written_nowhere(how: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    document_of(reshaped(archive_of(a_mail()), how))

    assert list(tmp_path.iterdir()) == []


@given(st.binary(max_size=400))
@settings(deadline=None)
def test_no_mail_raises(content: bytes) -> None:
    assert all(isinstance(one, Receipt) for one in read_receipts(content))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_spoilt_receipt_raises_or_gains_a_message_id(data: st.DataObject) -> None:
    """Bytes change, lines vanish: the reader says what is left, and never another mail's id."""
    step = data.draw(st.sampled_from([{"answer": "dsn"}, {"answer": "mdn", "code": "902"}, {"answer": "ko", "returned": "none"}]))
    lines = came(**step).split(b"\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        lines[place] = data.draw(st.one_of(st.just(b""), st.binary(max_size=60), st.just(lines[place][:5])))
    found = read_receipts(b"\r\n".join(lines))

    assert found
    assert all(len(one.words) <= 200 for one in found)
