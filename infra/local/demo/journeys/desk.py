"""The identity at the desk: INSi asked on booking, its answer accepted by a person, a document seen, the patient informed, the PACS told.

What INSi must answer is worked out from the files our INSi was given; with somebody else's, what it answered is only shown.
"""

from __future__ import annotations

from typing import Any

from infra.local.demo import er7, group
from infra.local.demo.identities import Known, expected
from infra.local.demo.journey import Step, until
from infra.local.demo.journeys.visit import HTTP, Visit
from infra.local.demo.portal_client import Answer, Browser
from infra.local.demo.portal_page import Element
from infra.local.demo.scene import Scene

MANU, AUTO = "INSI-MANU", "INSI-AUTO"


def calls(scene: Scene, common_name: str) -> list[dict[str, Any]]:
    """Return what our INSi was asked with a certificate so far; nothing when INSi is somebody else's."""
    if not scene.system.simulated("insi"):
        return []
    return [note for note in scene.system.received("insi") if note.get("common_name") == common_name]


def evidence(note: dict[str, Any]) -> list[str]:
    """Return the files that a call left."""
    return [f"{note['number']:03d}-rechercherInsAvecTraitsIdentite-{kind}.http" for kind in ("request", "response")]


def known_to_insi(scene: Scene, visit: Visit) -> Known | None:
    """Return whom INSi knows the patient as."""
    return expected(scene.system.given.identities, visit.patient)


def asked_on_booking(scene: Scene, visit: Visit, before: int) -> None:
    """Require the question that the booking started, with the certificate of persons, and INSi's answer.

    Args:
        before: Calls with that certificate before the booking.
    """
    with scene.step(f"INSi is asked on booking (certificate {MANU}) and answers", "SOAP mTLS") as step:
        scene.ended(step, "IdentityQualificationStateMachine", f"identity-{visit.patient_id}-booking-{visit.accession}")
        if not scene.system.simulated("insi"):
            return
        made = calls(scene, MANU)[before:]
        step.require(made, f"no call with {MANU}")
        known = known_to_insi(scene, visit)
        step.same("the answer's code", known.outcome if known else "01", made[-1]["outcome"])
        entity = group.site(visit.booking.site)["legal_entity"]
        step.same("the certificate's structure", {f"1{entity}"}, {note["structure"] for note in made})
        for note in made:
            step.left("insi", evidence(note))


def qualified(scene: Scene, person: Browser, visit: Visit) -> None:
    """Accept INSi's answer, record the document and what the patient was told: the identity is qualified, and the PACS knows.

    Where INSi does not know the patient there is nothing to accept, and the document makes the identity *validée*.
    """
    desk = visit.typed("desk")
    found = is_found(scene, visit)
    if found:
        with scene.step("typed and returned traits side by side; accepted: récupérée", HTTP) as step:
            _accepted(step, scene, person, visit)
    word, status = ("qualifiée", "QUAL") if found else ("validée, INSi does not know the patient", "VALI")
    with scene.step(f"document seen, patient informed for this exam: {word}", HTTP) as step:
        _filled(step, person, visit, "document", {"proof": desk["document"]})
        _filled(step, person, visit, "information", {"information": desk["information"]})
        facts = {"status": status, "information": desk["information"]}
        until("the exam's page says the status and the information", lambda: identity_says(person, visit, **facts))
    if found:
        with scene.step("the PACS gets ADT^A31 with the INS and acknowledges", "MLLP") as step:
            _pacs_told(step, scene, visit, desk["document"])


def is_found(scene: Scene, visit: Visit) -> bool:
    """Tell whether INSi answers with one identity; somebody else's is taken to."""
    known = known_to_insi(scene, visit)
    return not scene.system.simulated("insi") or (known is not None and known.outcome == "00")


def _accepted(step: Step, scene: Scene, person: Browser, visit: Visit) -> None:
    shown = person.open(f"/patients/{visit.patient_id}")
    found = shown.page.rows("identity")
    step.require(found, f"no identity panel (HTTP {shown.status})")
    if found[0]["insi"] == "pending":
        _side_by_side(step, scene, shown, visit)
        form = shown.page.form_of("insi_accept")
        step.require(form is not None, "no form to accept INSi's answer")
        assert form is not None
        person.submit(shown, form, {})
    else:
        step.what += " (equal traits: without a person)"
    until("the identity is retrieved", lambda: identity_says(person, visit, insi="accepted"))


def _side_by_side(step: Step, scene: Scene, shown: Answer, visit: Visit) -> None:
    lines = {line.data["trait"]: line for line in shown.page.found("trait", "differs")}
    typed, returned = _columns(lines["birth_family"]) if "birth_family" in lines else ("", "")
    step.same("the birth name as typed", visit.patient.birth_name[0], typed)
    known = known_to_insi(scene, visit)
    if scene.system.simulated("insi") and known is not None:
        step.same("the birth name as returned", known.family, returned)
    for line in lines.values():
        one, other = _columns(line)
        step.require(one != other or line.data["differs"] == "no", "equal traits are marked as different")


def _columns(line: Element) -> tuple[str, str]:
    cells = [cell.text for cell in line.children if cell.tag == "td"]
    return cells[0], cells[-1]


def _filled(step: Step, person: Browser, visit: Visit, action: str, typed: dict[str, str]) -> None:
    shown = person.open(f"/exams/{visit.accession}")
    form = shown.page.form_of(action)
    step.require(form is not None, f"the exam's page has no form {action} (HTTP {shown.status})")
    assert form is not None
    answered = person.submit(shown, form, typed)
    step.require(answered.status == 200, f"{action}: HTTP {answered.status}")


def identity_says(person: Browser, visit: Visit, **facts: str) -> dict[str, str] | None:
    """Return what the exam's page says of the identity when it says that, else None."""
    rows = person.open(f"/exams/{visit.accession}").page.rows("identity", **facts)
    return rows[0] if rows else None


def _pacs_told(step: Step, scene: Scene, visit: Visit, document: str) -> None:
    name = f"PACS-{visit.booking.site}"
    folder = scene.system.out.folder / "hl7"

    def with_ins() -> tuple[dict[str, Any], er7.Sent, list[str]] | None:
        for note in scene.system.received(name):
            if note.get("kind") == "ADT_A31":
                message = er7.read(folder / note["evidence"][0])
                found = next((parts for parts in message.repetitions("PID-3") if len(parts) > 4 and parts[4] == "INS"), None)
                if found and message.ipp == visit.patient.ipp:
                    return note, message, found
        return None

    note, message, ins = until("the message that carries the INS", with_ins)
    step.left("hl7", note["evidence"])
    step.require(note["code"] == "AA", f"the PACS answered {note['code']}")
    known = known_to_insi(scene, visit)
    if scene.system.simulated("insi") and known is not None:
        step.same("the INS and its authority", (known.matricule, known.oid), (ins[0], ins[3].split("&")[1]))
    step.same("PID-32", "VALI", message.value("PID-32"))
    step.same("ZFD-7", document, message.value("ZFD-7"))
