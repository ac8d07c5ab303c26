"""What helps to write a report: templates, words by one click, whose turn it is, what each channel will do, and the patient's earlier reports."""

from __future__ import annotations

from dataclasses import replace

from ris.application.report.edit_report import EditReport, edit_report
from ris.application.report.hand_over import HandOver, hand_over
from ris.application.report.priors import prior_text
from ris.contracts.portal import ReportBody
from ris.domain.errors import InvalidInput, Refused
from ris.domain.report.draft import Draft, Turn
from ris.domain.report.frozen import Section
from ris.domain.report.templates import filled_from, with_macro
from ris.portal.agenda.exams import admitted
from ris.portal.answers import Answer, NotFound, Page
from ris.portal.call import Call
from ris.portal.forms import FormErrors
from ris.portal.report.editor import MAX_BODY_BYTES, TEXT, written
from ris.portal.report.filters import Filters
from ris.portal.report.showing import expected_lines, macros_of, name_of, templates_of
from ris.portal.report.typed import typed_of
from ris.portal.routing import Routes, Scope

routes = Routes("report")


@routes.post("/exams/{accession}/report/template", Scope.OBJECT, "edit_report", **TEXT)
def template(call: Call, accession: str) -> Answer:
    """Save the text, with what a template brings: its missing sections, and beginnings of those that are empty."""
    page = admitted(call, accession)
    chosen = next((each for each in templates_of(call, page) if each.template_id == call.form.get("template")), None)
    if chosen is None:
        raise InvalidInput("unknown_template", field="template")
    return written(call, accession, lambda saved: _rewritten(call, saved, filled_from(saved.sections, chosen)))


@routes.post("/exams/{accession}/report/macro", Scope.OBJECT, "edit_report", **TEXT)
def macro(call: Call, accession: str) -> Answer:
    """Save the text, with some words behind what one section says; `macro` is their id and the section's rank, `id:2`."""
    page = admitted(call, accession)
    name, _, rank = call.form.get("macro", "").rpartition(":")
    chosen = next((each for each in macros_of(call, page) if each.macro_id == name), None)
    if chosen is None or not (rank.isdecimal() and rank.isascii()):
        raise InvalidInput("unknown_macro", field="macro")
    return written(call, accession, lambda saved: _rewritten(call, saved, with_macro(_padded(saved, int(rank)), int(rank), chosen)))


def _padded(saved: Draft, rank: int) -> tuple[Section, ...]:
    """Return the sections, with an empty one more where the last one offered was left empty."""
    return (
        (*saved.sections, *(Section("", ""),) * (rank + 1 - len(saved.sections))) if rank <= len(saved.sections) else saved.sections
    )


def _rewritten(call: Call, saved: Draft, sections: tuple[Section, ...]) -> Draft:
    command = EditReport(
        saved.accession_number, saved.rev, saved.title, sections, call.person.account_id, recipients=saved.recipients
    )
    return edit_report(call.services.reports(), command, call.now)


@routes.post("/exams/{accession}/report/turn", Scope.OBJECT, "edit_report", **TEXT)
def turn(call: Call, accession: str) -> Answer:
    """Save the text and hand it over: to the secretary to be typed or corrected, or back to the radiologist."""
    page = admitted(call, accession)
    reads = call.may("validate_report", page.exam.site)
    wanted = {"typing": Turn.TYPING, "correction": Turn.CORRECTION, "rereading": Turn.REREADING}.get(call.form.get("turn", ""))
    if wanted is None:
        raise InvalidInput("field_malformed", field="turn")

    def then(saved: Draft) -> Draft:
        note = call.form.get("note", "")
        command = HandOver(accession, saved.rev, wanted, call.person.account_id, note=note, reads=reads)
        return hand_over(call.services.reports(), command, call.now)

    return written(call, accession, then, go=_to_list if reads else _to_secretariat)


def _to_list(_call: Call, filters: Filters, _accession: str) -> str:
    return f"/sites/{filters.site}/reading?{filters.query()}"


def _to_secretariat(_call: Call, filters: Filters, _accession: str) -> str:
    return f"/sites/{filters.site}/secretariat"


@routes.post(
    "/exams/{accession}/report/expected", Scope.OBJECT, "edit_report", audited=True, body=ReportBody, max_body=MAX_BODY_BYTES
)
def expected(call: Call, accession: str) -> Page:
    """Show what each channel would do under the marks and for the recipients of the form; nothing is saved."""
    page = admitted(call, accession)
    try:
        typed = typed_of(call)
    except FormErrors:
        raise InvalidInput("field_malformed", field="rev") from None
    return Page("report/expected.html", {"expected": expected_lines(call, page, typed)})


@routes.get("/exams/{accession}/report/priors/{prior}", Scope.OBJECT, "read_report", audited=True)
def prior(call: Call, accession: str, prior: str) -> Page:
    """Show one earlier report of the same patient, read-only, as it was validated."""
    page = admitted(call, accession)
    call.names(prior)
    try:
        exam, version, report = prior_text(call.services.reports(), page.exam, prior)
    except (InvalidInput, Refused):
        raise NotFound from None
    call.admit(exam.site, object_id=prior, patient_id=exam.patient_id)
    site = call.services.reference.site(exam.site)
    values = {
        "exam": exam,
        "version": version,
        "report": replace(report, identity=None),
        "zone": site.time_zone if site else page.site.time_zone,
        "by": name_of(call, version.validated_by),
    }
    return Page("report/prior.html", values)
