"""Never a patient's value in a log, an address, an execution's name, an audit record or a failed queue message: every route and intake, well and broken."""

from __future__ import annotations

import base64
import importlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ris.adapters.agenda.gateways import MemoryGatewayBook
from ris.domain.access.session import ROLES
from ris.domain.errors import InvalidInput, RemoteUnavailable
from ris.portal.answers import Page
from ris.portal.gate import GuardedView
from ris.portal.routing import Routes, Scope
from tests.portal.test_portal_gate import NAMES, ROUTES, Furnished
from tests.support import canaries
from tests.support.dispatch import Dispatch
from tests.support.hl7 import Intake, adt, message, msh, obr, orc, orm
from tests.support.queues import queue_event

TRAITS = canaries.TRAITS
NAME = f"{TRAITS.birth_family}^{TRAITS.birth_given}^{TRAITS.birth_given_all}^^^^L~{TRAITS.used_family}^{TRAITS.used_given}^^^^^D"
PID = {"pid_5": NAME, "pid_7": TRAITS.birth_date_text, "pid_13": f"^PRN^PH^^^^^^^^^{TRAITS.phone}"}
WALKED = [(pattern, method, view.rule) for pattern, method, view in ROUTES if isinstance(view, GuardedView)]
BROKEN = ("agenda.patients", "agenda.exams", "agenda.deliveries", "identity.patients", "reports.reports", "access.accounts")
ERRORS = (
    RuntimeError(f"{TRAITS} {canaries.INS} {canaries.IPP}"),
    InvalidInput("not_storable", field="birth_family", detail=TRAITS.birth_family),
    RemoteUnavailable("cloud_unavailable", detail=f"{TRAITS.used_family} {TRAITS.phone}"),
)


class Raising:
    """A port of which every call fails, with the patient in the error's text."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def fail(*_: Any, **__: Any) -> Any:
            raise self._error

        return fail


def furnished() -> Any:
    """A portal with one object of each kind, all of them about the patient of the canaries."""
    made = Furnished()
    house = made.house
    patient = house.patients.get("p1")
    assert patient
    authority = house.services.agenda.reference.site("nord").ipp_authority
    changed = replace(patient, traits=TRAITS, identifiers=(canaries.identifier(authority),), ins=canaries.INS)
    house.patients.save(changed)
    request = house.services.agenda.exams.get_request("r1")
    assert request
    house.services.agenda.exams.save_request(
        replace(request, reason=canaries.REASON, prescriber=replace(request.prescriber, family=canaries.REQUESTER))
    )
    return made


def fields_of(made: Any, pattern: str) -> dict[str, str]:
    typed = {"q": TRAITS.birth_family, "text-0": canaries.REPORT, "used_family": TRAITS.used_family}
    return {name: typed.get(name, value) for name, value in made.fields(pattern).items()}


def ask(made: Any, browser: Any, pattern: str, method: str, **headers: str) -> Any:
    address = made.address(pattern)
    return browser.get(address, **headers) if method == "GET" else browser.post(address, fields_of(made, pattern), **headers)


def addresses(answer: Any) -> str:
    """Every address a browser would go to or keep: of the markup and of the headers."""
    named = [value for name in ("href", "src", "action", "formaction", "hx-get", "hx-post") for value in answer.attributes(name)]
    return "\n".join(
        [*named, *(str(answer.headers.get(name, "")) for name in ("Location", "HX-Redirect", "HX-Push-Url", "Refresh"))]
    )


def left_behind(made: Any) -> str:
    """What leaves the portal besides its answers: records, executions, their names."""
    house = made.house
    started = (
        house.workflows,
        house.dispatches.started,
        [vars(each) for each in vars(house.signing).values() if hasattr(each, "__dict__")],
    )
    return repr((house.audit.records, [getattr(each, "__dict__", each) for each in started]))


@pytest.mark.parametrize(("pattern", "method", "rule"), WALKED, ids=[f"{method} {pattern}" for pattern, method, _ in WALKED])
def test_no_route_tells_a_log_or_an_address_whom_it_is_about(
    pattern: str, method: str, rule: Any, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    made = furnished()
    browser = made.as_account({"nord": frozenset(ROLES)})
    answers = [ask(made, browser, pattern, method), ask(made, browser, pattern, method, **{"x-ris-accept": "application/json"})]
    foreign = made.as_account({"est": frozenset(ROLES)})
    answers.append(ask(made, foreign, pattern, method))
    if rule.scope is not Scope.PUBLIC:
        browser = made.as_account({"nord": frozenset(ROLES)})
        for place in BROKEN:
            for error in ERRORS:
                break_it(made, place, error)
                answers.append(ask(made, browser, pattern, method))

    written = capfd.readouterr()
    assert [] == canaries.found_in(written.out + written.err + caplog.text)
    assert [] == canaries.found_in("\n".join(addresses(answer) for answer in answers))
    assert [] == canaries.found_in(left_behind(made))
    assert [] == canaries.found_in("\n".join(answer.body for answer in answers if answer.status >= 500))


def break_it(made: Any, place: str, error: Exception) -> None:
    """Let one port fail, and only that one."""
    if not hasattr(made, "whole"):
        made.whole = made.house.services
    whole, (family, port) = made.whole, place.split(".")
    part = getattr(whole, family)
    broken = replace(part() if callable(part) else part, **{port: Raising(error)})
    made.house.services = replace(whole, **{family: (lambda: broken) if callable(part) else broken})


def test_the_scan_finds_a_word_whatever_was_done_to_it() -> None:
    for word in canaries.WORDS:
        data = word.encode()
        spoiled = [word, word.upper(), json.dumps({"x": word}), repr({"x": data}), data.hex()]
        spoiled += [base64.b64encode(b"x" * shift + data + b"yz").decode() for shift in range(4)]
        assert [word] * len(spoiled) == [next(iter(canaries.found_in(text, [word])), text) for text in spoiled]
    assert [] == canaries.found_in(json.dumps([NAMES, TRAITS.sex]))


def test_the_walk_finds_a_route_that_tells(capfd: pytest.CaptureFixture[str]) -> None:
    from ris.portal.app import Portal

    made, telling = furnished(), Routes("telling")

    @telling.get("/telling", Scope.SESSION)
    def tell(call: Any) -> Page:
        print(call.services.agenda.patients.get("p1"))
        return Page("access/account.html", {"roles": []})

    portal = Portal(
        lambda: made.house.services, made.house.settings, (*importlib.import_module("ris.portal.app").CONTEXTS, telling)
    )
    made.house.portal = portal
    made.as_account({"nord": frozenset(ROLES)}).get("/telling")

    assert TRAITS.birth_family in canaries.found_in(capfd.readouterr().out)


# Queues


def hl7(frame: bytes, **said: Any) -> dict[str, Any]:
    received = {"site": "nord", "spool_id": "g-1", "received_at": "2026-10-05T06:00:00Z", "sha256": "00"}
    return {**received, "frame": base64.b64encode(frame).decode(), **said}


def consumed(module: Any, *bodies: Any) -> dict[str, Any]:
    answer: dict[str, Any] = module.handler(queue_event(*bodies), object())
    return answer


GOOD = adt(control_id="KAN1", ipp=canaries.IPP, **PID)
ORDERED = orm(orc(), obr(reason=canaries.REASON), control_id="KAN2", ipp=canaries.IPP, **PID)
FRAMES = {
    "applied": (GOOD,),
    "order": (GOOD, ORDERED),
    "repeated with other bytes": (GOOD, GOOD + b"NTE|1||x\r"),
    "without an IPP": (message(msh(control_id="KAN3"), f"PID|1||||{NAME}||{TRAITS.birth_date_text}|F", "PV1|1|O"),),
    "an impossible date": (adt(control_id="KAN4", ipp=canaries.IPP, **{**PID, "pid_7": TRAITS.phone}),),
    "of a kind nobody knows": (message(msh("ZZZ^Z99", "KAN5"), f"PID|1||{canaries.IPP}||{NAME}"),),
    "no message at all": (NAME.encode(),),
    "characters of no charset": (GOOD.replace(b"ZOE", b"\xff") + TRAITS.used_family.encode("latin-1"),),
}


@pytest.fixture
def intake(monkeypatch: pytest.MonkeyPatch) -> Intake:
    made = Intake()
    module = importlib.import_module("functions.intake_hl7.handler")
    monkeypatch.setattr(module, "intake_services", lambda: made.s)
    monkeypatch.setattr(module, "acknowledgement_services", lambda: Dispatch().answers)
    return made


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("error", [None, *ERRORS], ids=lambda error: type(error).__name__)
def test_no_message_tells_a_log_whom_it_is_about(
    intake: Intake, kind: str, error: Exception | None, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    module = importlib.import_module("functions.intake_hl7.handler")
    if error is not None:
        intake.s = replace(intake.s, patients=Raising(error))  # type: ignore[arg-type]

    answer = consumed(module, *(hl7(frame) for frame in FRAMES[kind]), hl7(GOOD)["frame"] + TRAITS.birth_family)

    written = capfd.readouterr()
    assert re.search("INTAKE_HL7_00[1-8]|QUEUE_00", written.out)
    assert [] == canaries.found_in(written.out + written.err + caplog.text + json.dumps(answer))


@pytest.mark.parametrize("error", [None, *ERRORS], ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("operation", ["mpps_create", "mpps_set", "instances_available", "nonsense"])
def test_no_act_of_a_modality_tells_a_log_whom_it_is_about(
    operation: str,
    error: Exception | None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    module = importlib.import_module("functions.intake_dicom.handler")
    agenda = furnished().house.services.agenda
    if error is not None:
        agenda = replace(agenda, exams=Raising(error))
    monkeypatch.setattr(module, "services", lambda: agenda)
    monkeypatch.setattr(module, "gateways", MemoryGatewayBook)
    said = {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": f"{TRAITS.birth_family}^{TRAITS.birth_given}"}]},
        "00100020": {"vr": "LO", "Value": [canaries.IPP]},
        "00100030": {"vr": "DA", "Value": [TRAITS.birth_date_text]},
        "0020000D": {"vr": "UI", "Value": [TRAITS.birth_family]},
        "00400252": {"vr": "CS", "Value": ["IN PROGRESS"]},
    }
    envelope = {
        "site": "nord",
        "spool_id": "g-1",
        "received_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "calling_ae_title": "CT1",
    }

    answer = consumed(module, {**envelope, "operation": operation, "sop_instance_uid": "1.2.3", "dataset": said})

    written = capfd.readouterr()
    assert [] == canaries.found_in(written.out + written.err + caplog.text + json.dumps(answer))
