"""Every code that can reach a person has its French sentence."""

import ast
from pathlib import Path
from typing import get_args

import pytest

from ris.adapters.agenda import memory
from ris.application.agenda.messages import MessageState
from ris.domain.access.session import PROVIDERS, RIGHTS, ROLES
from ris.domain.agenda.exam import ExamState
from ris.domain.agenda.request import RequestState
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.identity.events import IdentityEvent
from ris.domain.identity.insi import InsiState
from ris.domain.identity.patient import IdentityStatus
from ris.domain.identity.rniv import PROOF_CODES
from ris.domain.report.draft import DraftStatus
from ris.domain.report.version import VersionState
from ris.portal import french, sentences
from ris.portal.identity.panel import INFORMATION, MARKS, TRAITS
from ris.portal.sentences import SENTENCES

RIS = Path(memory.__file__).parents[2]
FUNCTIONS = RIS.parents[3] / "functions"
RAISED = {
    "InvalidInput",
    "Refused",
    "NotAllowed",
    "RemoteRejected",
    "RemoteUnavailable",
    "OutcomeUnknown",
    "Stop",
    "problem",
    "park",
}


def _texts(node):
    """Every text an argument can be: a literal, or either side of a condition."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, ast.IfExp):
        return _texts(node.body) | _texts(node.orelse)
    return set()


def _codes_of(call):
    name = call.func.id if isinstance(call.func, ast.Name) else call.func.attr if isinstance(call.func, ast.Attribute) else ""
    place = {"Stop": 1, "problem": 2, "park": 2}.get(name, 0)
    found = _texts(call.args[place]) if name in RAISED and len(call.args) > place else set()
    for keyword in call.keywords:
        if keyword.arg == "code" or (keyword.arg == "reason" and name == "replace"):
            found |= _texts(keyword.value)
    return found


def _codes():
    """(code, file) of every place in the product that names one."""
    for path in [*RIS.rglob("*.py"), *FUNCTIONS.rglob("*.py")]:
        if "cli" in path.parts or "reference" in path.name or "reference" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield from ((code, path.name) for code in _codes_of(node) if code)


SILENT = {"InsiFailed", "InsiDeclined", "InformationRecorded", "ComplementaryTraitEdited"}
"""Events that never change a status, and so are in no history."""


def test_every_code_raised_has_a_sentence():
    missing = sorted({(code, where) for code, where in _codes() if code not in SENTENCES and not _is_reason_of_a_delivery(code)})

    assert [] == missing


def _is_reason_of_a_delivery(code):
    return french.word("delivery_reason", code) != code


def test_the_scan_sees_the_codes_it_should():
    found = {code for code, _ in _codes()}

    assert {
        "slot_taken",
        "doubled_time",
        "control_id_repeated",
        "several_patients",
        "token_claims",
        "unexpected_error",
        "csrf",
    } <= found


def test_no_sentence_is_left_over_and_each_is_a_sentence():
    from_values = {"session_expired", "session_idle", "account_closed", "method_not_allowed"}
    forms = {"field_missing", "field_too_long", "field_too_short", "field_malformed", "search_too_short"}
    computed = {"unknown_object", "unexpected", *from_values, *forms}

    unused = set(SENTENCES) - {code for code, _ in _codes()} - computed
    assert {code for code in unused if not _is_named_somewhere(code)} == set()
    assert all(text.strip().endswith((".", "!")) and text[0].isupper() for text in SENTENCES.values())
    assert not [code for code, text in SENTENCES.items() if "'" in text]


def test_a_page_says_no_code_in_the_words_of_another():
    tables = [
        vars(sentences)[name]
        for name in ("PORTAL", "BOOKING", "MESSAGES", "REMOTES", "LOGIN", "IDENTITY", "AGAIN", "ACCESS", "REPORT", "USAGE")
    ]

    assert len(set().union(*tables)) == sum(map(len, tables))


def _is_named_somewhere(code):
    return any(f'"{code}"' in path.read_text() for path in RIS.rglob("*.py") if path.name != "sentences.py")


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("exam", ExamState),
        ("identity", IdentityStatus),
        ("identity_says", IdentityStatus),
        ("insi_state", InsiState),
        ("trait", TRAITS),
        ("proof", PROOF_CODES),
        ("information", INFORMATION),
        ("attribute", MARKS),
        ("identity_event", [each.__name__ for each in get_args(IdentityEvent) if each.__name__ not in SILENT]),
        ("report", ["none", "refused", *(each.value for each in DraftStatus)]),
        ("version", VersionState),
        ("delivery", DeliveryState),
        ("request", RequestState),
        ("message", MessageState),
        ("role", ROLES),
        ("right", RIGHTS),
        ("provider", PROVIDERS),
        ("priority", ("routine", "urgent", "stat")),
        ("mpps", ("IN PROGRESS", "COMPLETED", "DISCONTINUED")),
        ("mpps_reason", ("unscheduled", "unknown_step", "wrong_worklist_entry", "exam_not_booked", "created_later")),
        ("cancel", ("patient", "site", "mistake", "order_cancelled")),
    ],
)
def test_every_value_shown_has_a_french_word(kind, values):
    assert [] == [value for value in values if french.word(kind, value) == french.plain(value)]


def test_days_are_said_as_people_say_them():
    from datetime import date

    assert "dimanche 1er mars 2026" == french.day(date(2026, 3, 1))
    assert "26/11/2026" == french.date(date(2026, 11, 26))
