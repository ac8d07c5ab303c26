"""The report, from the radiologist's text to the national record: one click, then two machines do the rest.

What the DMP must hold is worked out from what was typed: the patient's INS, the title, every word of the text, and nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pypdfium2
from lxml import etree

from infra.local.demo import group
from infra.local.demo.identities import record_of
from infra.local.demo.journey import Step, until
from infra.local.demo.journeys.desk import is_found, known_to_insi
from infra.local.demo.journeys.visit import HTTP, Visit
from infra.local.demo.portal_client import Answer, Browser
from infra.local.demo.portal_page import Element
from infra.local.demo.scene import Scene

HL7 = "{urn:hl7-org:v3}"
PS3_20 = "{urn:dicom-org:ps3-20}"


@dataclass(frozen=True)
class Deposit:
    """What one document left at the DMP.

    Args:
        unique_id: Of the document.
        calls: What the DMP was asked since: `td0.2 iti-41 iti-18`, in order.
    """

    unique_id: str
    calls: list[dict[str, Any]]


def validated(scene: Scene, person: Browser, visit: Visit) -> None:
    """Type the report, meet a rule, and validate: one click; wait for the signing machine. A click too many changes nothing."""
    text = visit.typed("report")
    with scene.step("the radiologist opens the report from the reading list and types it", HTTP) as step:
        address = f"/sites/{visit.booking.site}/reading"
        until("the exam on the reading list", lambda: person.open(address).page.rows(accession=visit.accession))
        shown = person.open(f"/exams/{visit.accession}/report")
        step.require(shown.page.form_of("validate"), f"no editor with the button to validate (HTTP {shown.status})")
    with scene.step("without its conclusion it is refused beside that field; nothing typed is lost", HTTP) as step:
        shown = _refused(step, person, shown, text)
    with scene.step("the radiologist validates: one click", HTTP) as step:
        answered = clicked(person, shown, text)
        faults = [row["error-code"] for row in answered.page.rows("error-code")]
        step.require(answered.status == 200 and not faults, f"HTTP {answered.status} {', '.join(faults)}")
    with scene.step(
        "the signing machine freezes, renders, builds and signs; a second click makes no second version", "Step Functions"
    ) as step:
        clicked(person, shown, text)
        scene.ended(step, "ReportSigningStateMachine", f"signing-{visit.accession}-1")
        until("the report's page says validated", lambda: _report(person, visit, report_status="validated"))
        versions = person.open(f"/exams/{visit.accession}/report").page.rows("version-row")
        step.same("the number of versions", 1, len(versions))


def _refused(step: Step, person: Browser, shown: Answer, text: dict[str, Any]) -> Answer:
    """Click on a text without conclusion, and return the page that says no."""
    kept = [section | {"text": ""} if _concludes(section) else section for section in text["sections"]]
    answered = clicked(person, shown, text | {"sections": kept})
    found = answered.page.rows(error_code="conclusion_missing")
    step.require(found, f"no conclusion_missing (HTTP {answered.status})")
    form = answered.page.form_of("validate")
    step.require(form is not None, "the editor is gone")
    assert form is not None
    still = {form.fields.get(f"text-{rank}", "").replace("\r\n", "\n") for rank in range(len(kept))}
    step.require({section["text"] for section in kept} <= still, "something typed is lost")
    return answered


def _concludes(section: dict[str, str]) -> bool:
    return section["heading"].casefold().startswith("conclusion")


def clicked(person: Browser, shown: Answer, text: dict[str, Any]) -> Answer:
    """Type a text over what the editor holds, and click on *validate*; `recipients` are the RPPS of who gets a copy."""
    form = shown.page.form_of("validate")
    assert form is not None
    typed = dict.fromkeys((name for name in form.fields if name.startswith(("heading-", "text-"))), "")
    typed |= {"title": text["title"], "recipients": " ".join(text.get("recipients", ()))}
    for rank, section in enumerate(text["sections"]):
        typed |= {f"heading-{rank}": section["heading"], f"text-{rank}": section["text"]}
    return person.submit(shown, form, typed, action="validate")


def _report(person: Browser, visit: Visit, **facts: str) -> dict[str, str] | None:
    rows = person.open(f"/exams/{visit.accession}/report").page.rows("report", **facts)
    return rows[0] if rows else None


def dispatched(scene: Scene, person: Browser, visit: Visit, before: int) -> Deposit | None:
    """Require the end that the input asks for: delivered, or the state of the row that says why nothing was sent.

    Args:
        before: What our DMP had received before the click.

    Returns:
        What the DMP holds; None when it holds nothing, or is somebody else's.
    """
    state, why, words = _expected(scene, visit)
    if state == "delivered":
        return _delivered(scene, person, visit, before)
    with scene.step(
        f"nothing is sent ({why}): the DMP's row is {state}; the report is signed all the same", "Step Functions"
    ) as step:
        scene.ended(step, "ReportDispatchStateMachine", f"dispatch-{visit.accession}-1-1")
        row = until(f"the DMP's row is {state}", lambda: _dmp_row(person, visit, state=state))
        step.require(not words or any(each in row.text for each in words), "the row does not say when")
        if scene.system.simulated("dmp"):
            step.require(not _documents_of(scene, visit), "the DMP got it")
    return None


def _expected(scene: Scene, visit: Visit) -> tuple[str, str, tuple[str, ...]]:
    """Return the row's state, why, and words of which its sentence must hold one."""
    desk = visit.typed("desk")
    known = known_to_insi(scene, visit)
    if desk is None or not is_found(scene, visit):
        return "held", "identity not qualified", ()
    if desk["information"] == "IO":
        return "withdrawn", "the patient is opposed", ()
    if known is None or not scene.system.simulated("dmp"):
        return "delivered", "", ()
    status, closed_on = record_of(scene.system.given.records, known)
    if status == "closed":
        return "rejected", "the record was closed", (closed_on, f"{closed_on[6:]}/{closed_on[4:6]}/{closed_on[:4]}")
    return ("held", "there is no record", ()) if status == "none" else ("delivered", "", ())


def _delivered(scene: Scene, person: Browser, visit: Visit, before: int) -> Deposit | None:
    """Wait until the exam's page says that the DMP has the report, and require the DMP to hold exactly that."""
    with scene.step("the dispatch machine feeds the DMP; the row on the exam's page says delivered", "SOAP mTLS MTOM") as step:
        scene.ended(step, "ReportDispatchStateMachine", f"dispatch-{visit.accession}-1-1")
        until("the DMP's row is delivered", lambda: _dmp_row(person, visit, state="delivered"))
        if not scene.system.simulated("dmp"):
            return None
        found = deposit(step, scene, visit, before)
    with scene.step("the DMP holds exactly this document: INS, title, every word; its pages are drawn", "CDA PDF/A") as step:
        holds(step, scene, visit, found.unique_id)
    return found


def _dmp_row(person: Browser, visit: Visit, **facts: str) -> Element | None:
    rows = person.open(f"/exams/{visit.accession}").page.found("delivery", channel="dmp", **facts)
    return rows[0] if rows else None


def _documents_of(scene: Scene, visit: Visit) -> set[str]:
    """Return the uniqueIds of the CDA files received that name this exam's Accession Number."""
    files = (scene.system.out.folder / "cda").glob("*.xml")
    return {file.stem for file in files if visit.accession in accession_numbers(etree.parse(file))}


def accession_numbers(document: Any) -> set[str]:
    """Return the Accession Numbers that a CDA names."""
    return {each.get("extension") for each in document.iterfind(f"{HL7}inFulfillmentOf/{HL7}order/{PS3_20}accessionNumber")}


def deposit(step: Step, scene: Scene, visit: Visit, before: int) -> Deposit:
    """Require exactly one document of the exam at our DMP, submitted once; return what it left there."""
    report = scene.system.report("dmp")
    entity = group.site(visit.booking.site)["legal_entity"]
    made = [note for note in report["received"][before:] if note.get("structure") == f"1{entity}"]
    mine = _documents_of(scene, visit)
    step.require(len(mine) == 1, f"{len(mine)} documents received for the exam")
    (unique_id,) = mine
    stored = [one for one in report["documents"] if one["unique_id"] == unique_id]
    step.require(len(stored) == 1, f"the DMP holds it {len(stored)} times")
    step.same("the number of submissions", 1, stored[0]["submissions"])
    folder = scene.system.out.folder / "dmp"
    for note in made:
        step.left("dmp", sorted(file.name for file in folder.glob(f"{note['number']:03d}-*.http")))
    return Deposit(unique_id, made)


def holds(step: Step, scene: Scene, visit: Visit, unique_id: str, text: str = "report") -> None:
    """Require a document to say what was typed, of the patient with the INS and the IPP; its pages are drawn.

    Args:
        text: Name of the JSON file of the folder that holds what was typed.
    """
    out = scene.system.out.folder
    root = etree.parse(out / "cda" / f"{unique_id}.xml").getroot()
    typed = visit.typed(text)
    step.same("the CDA's title", typed["title"], root.findtext(f"{HL7}title"))
    known = known_to_insi(scene, visit)
    ids = {(each.get("extension"), each.get("root")) for each in root.findall(f"{HL7}recordTarget/{HL7}patientRole/{HL7}id")}
    if known is not None and scene.system.simulated("insi"):
        step.require((known.matricule, known.oid) in ids, "the CDA's patient has not the INS that INSi gave")
    step.require(visit.order.ipp in {extension for extension, _ in ids}, "the CDA's patient has not the IPP")
    pages = sorted(file.name for file in (out / "pdf").glob(f"{unique_id}-*.png"))
    words = _words_of(out / "pdf" / f"{unique_id}.pdf")
    missing = sum(word not in words for word in _typed_words(typed))
    step.require(not missing, f"{missing} words that were typed are not on the pages")
    step.require(pages, "no page was drawn")
    step.left("cda", [f"{unique_id}.xml"])
    step.left("pdf", [f"{unique_id}.pdf", *pages])


def _words_of(pdf: Any) -> set[str]:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return {word for page in document for word in page.get_textpage().get_text_bounded().split()}
    finally:
        document.close()


def _typed_words(typed: dict[str, Any]) -> list[str]:
    sections = [part for section in typed["sections"] for part in (section["heading"], section["text"])]
    return " ".join([typed["title"], *sections]).split()
