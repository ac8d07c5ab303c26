"""Every code that can stand on a row of mail or of a report as HL7, or on the operator's list, has a sentence that says who does what."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ris.domain.dispatch import mail
from ris.domain.dispatch.mail_codes import INTEGRATION, SMTP, bounce_code, integration_code, safe_code
from ris.portal.french import SENTENCES
from ris.portal.french_mail import MAIL_SENTENCES
from tests.support.stacks import ROOT

RIS = ROOT / "layers" / "ris" / "python" / "ris"
SOURCES = [
    *(RIS / "application" / "dispatch" / f"{name}.py" for name in (
        "send_mail", "reconcile_mail", "apply_receipt", "apply_zam", "apply_acknowledgement", "printed", "send_report_hl7",
        "import_directory", "mail_rows", "record_outcome",
    )),
    *(RIS / "adapters" / "dispatch" / "mss" / f"{name}.py" for name in ("access", "smtp", "imap", "mail")),
    *(RIS / "adapters" / "dispatch" / f"{name}.py" for name in ("extract", "directory", "hl7_zam")),
    *(RIS / "domain" / "dispatch" / f"{name}.py" for name in ("mail", "mail_codes", "transitions", "delegated", "flags")),
]  # fmt: skip
RAISED = {"InvalidInput", "Refused", "NotAllowed", "RemoteRejected", "RemoteUnavailable", "OutcomeUnknown"}
ACTORS = (
    "le ris", "l’informatique", "l’accueil", "le radiologue", "le secrétariat", "identitovigilance", "rien n’est à faire", "de lui-même",
    "reprendront seuls", "est déjà réglé",
)  # fmt: skip
# The words of a bounce as operators write them, kept here so that the list of the product cannot shrink unseen.
BOUNCES = [
    ("5.1.1", "", "recipient_unknown"),
    ("5.2.1", "", "mailbox_closed"),
    ("5.2.2", "", "mailbox_full"),
    ("5.3.4", "", "refused_too_big"),
    ("5.2.3", "", "refused_too_big"),
    ("4.4.7", "", "recipient_unreachable"),
    ("5.7.1", "", "domain_not_authorised"),
    ("550", "5.1.1 <x> unknown", "recipient_unknown"),
    ("550", "no such user", "recipient_unknown"),
    ("552", "", "refused_too_big"),
    ("554", "transaction failed", "bounced"),
    ("", "", "bounced"),
]


def codes_of(path: Path) -> set[str]:
    """Return the codes a source raises, and the reasons it puts on a row."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            values = [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
            if isinstance(node.func, ast.Name) and node.func.id in RAISED:
                values += node.args[:1]
            found |= {one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value}
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):  # `return None, "why"`
            found |= {one.value for one in node.value.elts if isinstance(one, ast.Constant) and "_" in str(one.value)}
    return found


def test_the_walk_finds_codes() -> None:
    assert {"mss_answer_lost", "mailbox_not_configured", "receipt_of_nothing_sent", "too_busy"} & {
        code for path in SOURCES for code in codes_of(path)
    } >= {"mss_answer_lost", "mailbox_not_configured", "receipt_of_nothing_sent"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_code_that_is_raised_has_its_sentence(path: Path) -> None:
    assert {code for code in codes_of(path) if code not in SENTENCES} == set()


def test_every_state_of_a_row_and_every_answer_of_an_operator_has_its_sentence() -> None:
    named = {value for name, value in vars(mail).items() if name.isupper() and isinstance(value, str)} - {
        "DMP",
        "PATIENT",
        "PLATFORM",
    }
    codes = {*INTEGRATION.values(), *SMTP, *(code for _, _, code in BOUNCES), *named} - {"dmp", "PATIENT", "platform"}

    assert {code for code in codes if code not in SENTENCES} == set()


@pytest.mark.parametrize("code", sorted(MAIL_SENTENCES))
def test_a_sentence_says_who_acts(code: str) -> None:
    sentence = MAIL_SENTENCES[code]

    assert any(actor in sentence.lower() for actor in ACTORS), sentence
    assert sentence[0].isupper()
    assert sentence.endswith(".")


@pytest.mark.parametrize(("status", "words", "code"), BOUNCES)
def test_a_bounce_is_known_by_its_status(status: str, words: str, code: str) -> None:
    assert bounce_code(status, words) == code


def test_an_application_code_is_one_of_seven() -> None:
    assert [integration_code(f"90{n}") for n in range(7)] == [f"integration_90{n}" for n in range(7)]
    assert integration_code("999") == integration_code("") == "integration_906"
    assert safe_code("ADRUN ZOE 275126322074974") == "mss_refused"
