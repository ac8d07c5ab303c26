"""The mail of a row: what a reader's software shows of any name, the same bytes each time, and no address that is none."""

from __future__ import annotations

import email
import re
from dataclasses import replace
from email import policy
from email.message import EmailMessage

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.local.services import mss_lint
from ris.adapters.dispatch.mss.mail import ascii_text, is_mail_address, message_id, pdf_file_name, subject
from ris.domain.errors import InvalidInput
from ris.domain.identity.patient import Traits
from ris.domain.report.frozen import FrozenReport
from tests.support.frozen_reports import a_frozen_report
from tests.support.mss import DOCTOR, MAILBOX, NUMBER, a_mail, a_mailbox

TRUSTED = frozenset({"ope.mssante.fr"})


def named(family: str, given_name: str) -> FrozenReport:
    """Return a report of somebody without an INS."""
    traits = replace(a_frozen_report().traits, birth_family=family, birth_given=given_name, birth_given_all=given_name)
    return a_frozen_report(identity=None, traits=traits)


def parsed(mail: bytes) -> EmailMessage:
    found = email.message_from_bytes(mail, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def findings(mail: bytes) -> list[str]:
    return [str(wrong) for wrong in mss_lint.findings(mail, mss_lint.Sent(MAILBOX, [DOCTOR], {DOCTOR: "own"}), TRUSTED)]


def test_the_same_row_gives_the_same_bytes() -> None:
    assert a_mail() == a_mail()
    assert a_mail(number="f" * 32) != a_mail()


def test_the_message_id_is_that_of_the_row_and_survives_threading() -> None:
    mail = parsed(a_mail(kind="replace", in_reply_to="0123456789abcdef" * 2))

    assert mail["Message-ID"] == message_id(NUMBER, MAILBOX) == "<00112233-4455-6677-8899-aabbccddeeff@ope.mssante.fr>"
    assert mail["In-Reply-To"] == mail["References"] == "<01234567-89ab-cdef-0123-456789abcdef@ope.mssante.fr>"


@pytest.mark.parametrize(
    ("kind", "mention", "files", "action"),
    [("create", "", 2, None), ("replace", "[Annule et remplace] ", 2, "C"), ("delete", "[Suppression] ", 1, "D")],
)
def test_what_it_is_for_shows(kind: str, mention: str, files: int, action: str | None) -> None:
    replaces = {"version": 2, "replaces": "2.25.7"} if kind == "replace" else {}
    mail = parsed(a_mail(a_frozen_report(**replaces), kind=kind))

    assert mail["Subject"] == f"XDM/1.0/DDM+{mention}CR d'imagerie medicale ADRUN ZOE 31/12/1975"
    assert len(list(mail.iter_attachments())) == files
    assert mail["X-MSS-MES"] is None
    assert parsed(a_mail(final=True))["X-MSS-MES"] == "FIN"


@pytest.mark.parametrize(
    "address",
    [
        "a@b.fr\r\nBcc: x@y.fr", "a@b.fr\n", "a b@c.fr", "a..b@c.fr", ".a@b.fr", "a.@b.fr", "@b.fr", "a@", "a@b", "a@b..fr", "a@-b.fr",
        "é@b.fr", "a@é.fr", '"a b"@c.fr', "a@b@c.fr", f"{'a' * 65}@b.fr", f"a@{'b' * 64}.fr", "a@b.fr, c@d.fr", "<a@b.fr>", "",
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["recipient", "mailbox", "reply_to"])
def test_an_address_that_is_none_makes_no_mail(address: str, place: str) -> None:
    if place == "reply_to" and not address:
        return
    mailbox = a_mailbox() if place == "recipient" else a_mailbox(**{"address" if place == "mailbox" else place: address})
    with pytest.raises(InvalidInput, match="address_malformed") as refused:
        a_mail(mailbox=mailbox, recipient=address if place == "recipient" else DOCTOR)
    assert refused.value.field == place


@pytest.mark.parametrize("address", ["275126322074974@patient.mssante.fr", "o'neil+x@a-b.c.fr", f"{'a' * 64}@b.fr"])
def test_an_address_that_is_one_passes(address: str) -> None:
    assert is_mail_address(address)


NAMES = [
    ("ÉLÈVE-D'AÇORES", "Zoë-Anaïs"),
    ("O’NEIL", "Œdipe"),
    ("ŁUKASZEWICZ", "Đorđe"),
    ("Straße", "Søren"),
    ("A" * 120, "B" * 120),
    ("JEAN-" * 24, "MARIE-" * 20),
    ("DE LA TOUR/../../ETC", "..\\PASSWD"),
    ('""', ""),
    ("MÜLLER", '""'),
    ("Ω", "李"),
    ("A\r\nBcc: x@y.fr", "B\0C\tD"),
]


@pytest.mark.parametrize(("family", "given_name"), NAMES)
def test_any_name_gives_a_subject_and_a_file_name_that_every_reader_shows(family: str, given_name: str) -> None:
    report = named(family, given_name)
    text, name = subject(report, kind="create"), pdf_file_name(report)

    assert text.isascii()
    assert text.isprintable()
    assert "  " not in text
    assert len(f"Subject: {text}") <= 998
    assert re.fullmatch(r"20261126_CR-IMAGERIE_[A-Z]+(-[A-Z]+)*_[A-Za-z]+(-[A-Za-z]+)*\.pdf", name)
    assert len(name) <= 56


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Élève", "Eleve"),
        ("Œuf d’Ærø", "OEuf d'AEro"),
        ("Łódź", "Lodz"),
        ('a"b\\c', "a b c"),
        ("a\r\n b", "a b"),
        ("Straße", "Strasse"),
    ],
)
def test_text_of_a_header_is_spelled_not_dropped(text: str, plain: str) -> None:
    assert ascii_text(text) == plain


@given(st.text(max_size=130), st.text(max_size=130))
@settings(deadline=None)
def test_no_name_breaks_a_header_or_leaves_a_folder(family: str, given_name: str) -> None:
    traits = Traits(family, given_name, given_name, birth_date=a_frozen_report().traits.birth_date, sex="F")
    report = a_frozen_report(identity=None, traits=traits)
    text, name = subject(report, kind="replace"), pdf_file_name(report)

    assert text.isascii()
    assert text.isprintable()
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,52}\.pdf", name)


@pytest.mark.parametrize(("family", "given_name"), [NAMES[0], NAMES[5]])
def test_a_mail_with_an_odd_name_passes_the_operator(family: str, given_name: str) -> None:
    assert findings(a_mail(named(family, given_name))) == []


@given(st.text(min_size=1, max_size=200))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_label_or_title_breaks_the_mail(text: str) -> None:
    mail = a_mail(mailbox=a_mailbox(label=text, product=text))
    head = mail.split(b"\r\n\r\n", 1)[0]

    assert head.isascii()
    assert all(re.match(rb"[A-Za-z-]+: ", line) for line in head.split(b"\r\n"))
    assert parsed(mail)["Message-ID"] == message_id(NUMBER, MAILBOX)
