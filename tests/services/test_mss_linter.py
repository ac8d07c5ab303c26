"""What the operator's linter refuses, one spoilt thing at a time; each refusal names its rule."""

from __future__ import annotations

import io
import re
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Callable

import pytest

from infra.local.services import mss_lint
from infra.local.services.mss_answers import archive_of, reshaped
from tests.support.frozen_reports import a_frozen_report
from tests.support.mss import DOCTOR, MAILBOX, PATIENT, a_mail, a_mailbox

TRUSTED = frozenset({"ope.mssante.fr", "autre.mssante.fr"})
Change = Callable[[bytes], bytes]


def rules(mail: bytes, *recipients: str, eight_bit: bool = False) -> list[str]:
    addresses = list(recipients or (DOCTOR,))
    domains = {address: "patient" if "@patient." in address else "own" for address in addresses}
    return [wrong.rule for wrong in mss_lint.findings(mail, mss_lint.Sent(MAILBOX, addresses, domains, eight_bit), TRUSTED)]


def swap(old: str, new: str) -> Change:
    def change(mail: bytes) -> bytes:
        assert old.encode() in mail
        return mail.replace(old.encode(), new.encode(), 1)

    return change


def without(name: str) -> Change:
    return lambda mail: re.sub(rb"(?m)^" + name.encode() + rb": [^\r]*\r\n", b"", mail, count=1)


def encoded(content: bytes) -> bytes:
    text = b64encode(content)
    return b"\r\n".join(text[at : at + 76] for at in range(0, len(text), 76)) + b"\r\n"


def part_changed(kind: str, change: Callable[[bytes], bytes]) -> Change:
    """Change the decoded bytes of the part of a kind."""

    def changed(mail: bytes) -> bytes:
        found = re.search(rb"(?s)(Content-Type: " + kind.encode() + rb"[^\r]*\r\n\r\n)(.*?)(\r\n--=_)", mail)
        assert found is not None
        return mail[: found.start(2)] + encoded(change(b64decode(found[2]))) + mail[found.start(3) :]

    return changed


def zipped(change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Change:
    """Change the files of the archive."""

    def changed(archive: bytes) -> bytes:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            files = change({name: opened.read(name) for name in opened.namelist()})
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as made:
            for name, content in files.items():
                made.writestr(name, content)
        return written.getvalue()

    return part_changed("application/zip", changed)


METADATA = "IHE_XDM/SUBSET01/METADATA.XML"
DOCUMENT = "IHE_XDM/SUBSET01/DOC0001.XML"


def in_metadata(old: str, new: str) -> Change:
    def change(files: dict[str, bytes]) -> dict[str, bytes]:
        assert old.encode() in files[METADATA], old
        return {**files, METADATA: files[METADATA].replace(old.encode(), new.encode(), 1)}

    return zipped(change)


def renamed(old: str, new: str) -> Change:
    return zipped(lambda files: {new if name == old else name: content for name, content in files.items()})


@pytest.mark.parametrize("kind", ["create", "replace", "delete"])
@pytest.mark.parametrize("qualified", [True, False])
def test_what_the_product_writes_passes(kind: str, qualified: bool) -> None:
    changes = {} if qualified else {"identity": None}
    version = {"version": 2, "replaces": "2.25.200000000000000000000000000000000009"} if kind == "replace" else {}

    assert rules(a_mail(a_frozen_report(**changes, **version), kind=kind, in_reply_to="0" * 32)) == []


def test_the_patient_s_own_mail_passes() -> None:
    assert rules(a_mail(recipient=PATIENT, final=True), PATIENT) == []


OTHER_PDF = b"%PDF-1.4\n<pdfaid:part>1</pdfaid:part>"
SPOILT: list[tuple[str, Change]] = [
    ("CRLF", swap("Bonjour,\r\n", "Bonjour,\n")),
    ("CRLF", swap("Bonjour,", "Bon\rjour,")),
    ("NUL", swap("Bonjour,", "Bon\0jour,")),
    ("LINE_LENGTH", swap("Bonjour,", "B" * 999)),
    ("ENCODED_LINE", swap("Bonjour,", "B" * 77)),
    ("HEADER_ASCII", swap("medicale", "médicale")),
    ("EIGHT_BIT", swap("Bonjour", "Bonsoir à vous")),
    ("HEADER_SYNTAX", swap("To: ", "To : ")),
    ("HEADER_FOLDING", swap("To: ", "X-A: b\r\n \r\nTo: ")),
    ("HEADER_ONCE", swap("To: ", "Subject: x\r\nTo: ")),
    ("HEADER_MISSING", without("Date")),
    ("HEADER_MISSING", without("Message-ID")),
    ("HEADER_ADDRESS", swap(f"To: {DOCTOR}", "To: Luc")),
    ("MESSAGE_ID", swap("<00112233", "<001 12233")),
    ("MESSAGE_ID", swap("To: ", "In-Reply-To: nothing\r\nTo: ")),
    ("MIME", swap("MIME-Version: 1.0", "MIME-Version: 1.1")),
    ("X_MSS_NIL", without("X-MSS-NIL")),
    ("X_MSS_MES", swap("X-MSS-NIL", "X-MSS-MES: OUI\r\nX-MSS-NIL")),
    ("FROM_LABEL", swap('From: "Imagerie du Nord" ', "From: ")),
    ("SENDER", swap(f"<{MAILBOX}>", "<someone@ope.mssante.fr>")),
    ("RECEIPTS", without("Return-Receipt-To")),
    ("RECEIPTS", without("Disposition-Notification-To")),
    ("RECEIPTS", swap(f"Disposition-Notification-To: {MAILBOX}", "Disposition-Notification-To: secretariat@ope.mssante.fr")),
    ("RECIPIENT", swap(f"To: {DOCTOR}", f"To: {DOCTOR}, anne.fictive@autre.mssante.fr")),
    ("RECIPIENT", swap(f"To: {DOCTOR}", "To: anne.fictive@autre.mssante.fr")),
    ("REPLY_TO", swap("Reply-To: secretariat@ope.mssante.fr", "Reply-To: secretariat@gmail.com")),
    ("REPLY_TO", swap("Reply-To: secretariat@", f"Reply-To: {MAILBOX.partition('@')[0]}@")),
    ("PARTS", swap("multipart/mixed", "multipart/related")),
    ("PARTS", swap("Content-Type: application/pdf", "Content-Type: image/png")),
    ("PARTS", swap("Content-Type: application/zip", "Content-Type: application/pdf")),
    ("PARTS", lambda mail: mail[: mail.rindex(b"--=_", 0, -10)]),
    ("ATTACHMENT_NAME", swap('filename="IHE_XDM.zip"', 'filename="archive.zip"')),
    ("ATTACHMENT_NAME", lambda mail: mail.replace(b"IHE_XDM.zip", b"ihe_xdm.zip")),
    ("ATTACHMENT_NAME", swap("Content-Disposition: attachment", "Content-Disposition: inline")),
    ("ATTACHMENT_NAME", lambda mail: mail.replace(b"20261126_CR-IMAGERIE_ADRUN", b"../20261126_CR-IMAGERIE_ADRUN")),
    ("ATTACHMENT_NAME", swap('filename="2026', "filename*=utf-8''2026")),
    ("TEXT", swap('charset="utf-8"', 'charset="iso-8859-1"')),
    ("TEXT", swap("Content-Type: text/plain", "Content-Type: text/html")),
    ("X_MSS_INS", swap("X-MSS-INS: O", "X-MSS-INS: N")),
    ("X_MSS_CODECDA", swap("X-MSS-CODECDA: 18748-4", "X-MSS-CODECDA: 11502-2")),
    ("SUBJECT", swap("XDM/1.0/DDM+", "DDM+")),
    ("SUBJECT", swap("ADRUN ZOE 31", "ADRUN 31")),
    ("SUBJECT", swap("ADRUN ZOE 31/12/1975", "ADRUN ZOE 31/12/1957")),
    ("SUBJECT", swap("CR d'imagerie medicale", "C" * 41)),
    ("SUBJECT", swap("Subject: XDM", "Subject: =?utf-8?q?XDM?=")),
    ("SUBJECT", swap("CR d'imagerie medicale", "2 documents")),
    ("PDF_NAME", lambda mail: mail.replace(b"20261126_CR", b"20261127_CR")),
    ("PDF_NAME", lambda mail: mail.replace(b"_ADRUN_ZOE.pdf", b"_ADRUN.pdf")),
    ("PDF_NAME", lambda mail: mail.replace(b"_ADRUN_ZOE.pdf", b"_ADRUN_ANNE.pdf")),
    ("PDF_SAME", part_changed("application/pdf", lambda _: OTHER_PDF)),
    ("PDF_A", part_changed("application/pdf", lambda _: b"%PDF-1.7\n")),
    ("XDM_ZIP", part_changed("application/zip", lambda zipped: zipped[:-30])),
    ("XDM_ZIP", part_changed("application/zip", lambda _: b"not a zip")),
    ("XDM_NAMES", part_changed("application/zip", lambda archive: reshaped(archive, "backslashes"))),
    ("XDM_NAMES", part_changed("application/zip", lambda archive: reshaped(archive, "parent_folder"))),
    ("XDM_NAMES", part_changed("application/zip", lambda archive: reshaped(archive, "lower_case"))),
    ("XDM_NAMES", renamed(DOCUMENT, "IHE_XDM/SUBSET01/DOCUMENT0001.XML")),
    ("XDM_LAYOUT", zipped(lambda files: {n: c for n, c in files.items() if n != "README.TXT"})),
    ("XDM_LAYOUT", zipped(lambda files: {n: c for n, c in files.items() if n != METADATA})),
    ("XDM_LAYOUT", zipped(lambda files: {**files, "IHE_XDM/SUBSET02/X.TXT": b"x"})),
    ("XDM_LAYOUT", zipped(lambda files: {**files, "IHE_XDM/SUBSET01/X.TXT": b"x"})),
    ("XDM_LAYOUT", zipped(lambda files: {**files, "VIRUS.EXE": b"x"})),
    ("XDM_LAYOUT", zipped(lambda files: {**files, "OTHER/X.TXT": b"x"})),
    ("XDM_INDEX", zipped(lambda files: {**files, "INDEX.HTM": b"<html>"})),
    ("XDM_INDEX", zipped(lambda files: {**files, "INDEX.HTM": b'<html xmlns="http://www.w3.org/1999/xhtml"/>'})),
    ("XDM_METADATA", zipped(lambda files: {**files, METADATA: b"<x>"})),
    ("XDM_METADATA", zipped(lambda files: {**files, METADATA: b"<x/>"})),
    ("XDM_METADATA", in_metadata("HasMember", "RPLC")),
    ("XDM_METADATA", in_metadata('nodeRepresentation="18748-4"', 'nodeRepresentation="11502-2"')),
    ("XDM_METADATA", in_metadata('mimeType="text/xml"', 'mimeType="application/pdf"')),
    ("ONE_PATIENT", in_metadata('value="275126322074974^^^', 'value="175126322074974^^^')),
    ("XDM_URI", in_metadata("<rim:Value>DOC0001.XML<", "<rim:Value>DOC0002.XML<")),
    ("XDM_HASH", zipped(lambda files: {**files, DOCUMENT: files[DOCUMENT] + b"\n"})),
    ("XDM_SIZE", lambda mail: in_metadata(*size_of(mail))(mail)),
]  # fmt: skip


def size_of(mail: bytes) -> tuple[str, str]:
    with zipfile.ZipFile(io.BytesIO(archive_of(mail))) as opened:
        size = opened.getinfo(DOCUMENT).file_size
    return f"<rim:Value>{size}<", f"<rim:Value>{size + 1}<"


@pytest.mark.parametrize(("rule", "change"), SPOILT, ids=[f"{rule}-{number}" for number, (rule, _) in enumerate(SPOILT)])
def test_one_spoilt_thing_is_refused_by_its_name(rule: str, change: Change) -> None:
    spoilt = change(a_mail())

    assert spoilt != a_mail()
    assert rules(spoilt) == [rule]


def test_octets_above_127_pass_when_they_are_announced() -> None:
    assert rules(swap("Bonjour,", "Bonjour à vous,")(a_mail()), eight_bit=True) == []


def test_an_entry_that_stands_twice_or_is_a_link_is_refused() -> None:
    def twice(archive: bytes) -> bytes:
        written = io.BytesIO(archive)
        with zipfile.ZipFile(written, "a") as made, pytest.warns(UserWarning, match="Duplicate name"):
            made.writestr("README.TXT", b"another")
        return written.getvalue()

    def link(archive: bytes) -> bytes:
        written = io.BytesIO(archive)
        with zipfile.ZipFile(written, "a") as made:
            entry = zipfile.ZipInfo("IHE_XDM/SUBSET01/LINK.XML")
            entry.external_attr = 0o120777 << 16
            made.writestr(entry, b"/etc/passwd")
        return written.getvalue()

    assert rules(part_changed("application/zip", twice)(a_mail())) == ["XDM_NAMES"]
    assert rules(part_changed("application/zip", link)(a_mail())) == ["XDM_ZIP"]


def test_another_patient_s_mailbox_is_refused() -> None:
    other = "175126322074974@patient.mssante.fr"

    assert rules(a_mail(recipient=other), other) == ["PATIENT_ADDRESS"]
    assert rules(a_mail(a_frozen_report(identity=None), recipient=PATIENT), PATIENT) == ["PATIENT_ADDRESS"]


def test_the_action_of_an_archive_may_stand_at_the_set() -> None:
    mail = a_mail(kind="delete")
    slot = '<rim:Slot name="action"><rim:ValueList><rim:Value>D</rim:Value></rim:ValueList></rim:Slot>'

    assert rules(mail) == []
    assert rules(in_metadata(slot, slot.replace(">D<", ">X<"))(mail)) == ["XDM_ACTION"]
    assert rules(in_metadata(slot, slot.replace(">D<", ">C<"))(mail)) == ["XDM_ACTION"]
    moved = zipped(lambda files: {**files, METADATA: moved_to_set(files[METADATA], slot.encode())})
    assert rules(moved(mail)) == []


def moved_to_set(metadata: bytes, slot: bytes) -> bytes:
    return metadata.replace(slot, b"", 1).replace(b'id="SubmissionSet01">', b'id="SubmissionSet01">' + slot, 1)


def test_a_notice_without_an_archive_says_nothing_of_a_document() -> None:
    mail = a_mail()
    boundary = b"--=_00112233445566778899aabbccddeeff"
    bare = boundary.join(mail.split(boundary)[:2]) + boundary + b"--\r\n"
    bare = re.sub(rb"X-MSS-(INS|CODECDA)[^\r]*\r\n", b"", bare)

    assert rules(bare) == ["SUBJECT"]
    assert rules(bare.replace(b"XDM/1.0/DDM+", b"")) == []
    assert rules(bare.replace(b"X-MSS-NIL", b"X-MSS-INS: N\r\nX-MSS-NIL")) == ["X_MSS_INS"]


def test_the_mailbox_of_tests_may_show_another_name() -> None:
    assert rules(a_mail(mailbox=a_mailbox(label='Cabinet "É" & fils', reply_to=""))) == []
