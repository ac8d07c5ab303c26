"""The report of one exam: typed in plain text areas, saved by itself and on demand, validated by one click, read-only afterwards.

Markup: `[data-report]` carries `data-accession data-report-status data-rev data-version data-editable`; the editor is `form#editor` with
fields `rev title recipients heading-0 text-0 …` and buttons `[data-action]` (`save provisional validate validate-next`), `[data-macro]`,
`[data-template]`, `[data-turn-to]`, sent to their `formaction`; a fault is `[data-field][data-error-code]`; `[data-conflict]` when
somebody else saved first; `[data-kept]` when the text comes from before a login; `#saved` says when it was saved by itself,
`[data-replaced]` and `[data-unprintable]` what becomes of pasted characters; `#expected` holds the channels, `[data-prior]` earlier
reports; versions are `[data-version-row][data-version-state]`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ris.application.access.kept_forms import drop_form, kept_form
from ris.application.agenda.pages import ExamPage
from ris.application.report.correct_report import set_marks
from ris.application.report.edit_report import EditReport, edit_report, mark_provisional
from ris.application.report.reading_list import report_begun
from ris.application.report.validate_report import ValidateReport, problems, validate_report
from ris.contracts.portal import NothingBody, ReportBody, SavedView
from ris.domain.access.kept import KeptForm
from ris.domain.errors import InvalidInput, Refused, RisError
from ris.domain.report.draft import Draft, DraftStatus
from ris.domain.report.rules import Problem
from ris.portal.agenda.exams import admitted
from ris.portal.answers import Answer, NotFound, Page, Raw, Redirect
from ris.portal.call import Call, Wants
from ris.portal.forms import FormErrors
from ris.portal.report.filters import Filters, came_from, filters_from
from ris.portal.report.pasted import pasted
from ris.portal.report.reading import next_of
from ris.portal.report.showing import CLOSED, MOST_LOOKS, Editor, editor_page, open_beside, opened, read_only_page, signing
from ris.portal.report.typed import Typed, fault_of, typed_in, typed_of
from ris.portal.respond import status_of
from ris.portal.routing import Routes, Scope

routes = Routes("report")
MAX_BODY_BYTES = 2 * 1024 * 1024
"""A report of 200,000 characters, each sent as up to nine."""
PLACE = "/exams/{accession}/report"
"""The page of a report: it gives back what was typed when a session ended."""
_OVER = frozenset({DraftStatus.VALIDATING, DraftStatus.VALIDATED, DraftStatus.DELETED})
TEXT = {"audited": True, "body": ReportBody, "max_body": MAX_BODY_BYTES, "keeps": PLACE}
"""What every route declares that takes the text of a report."""


@routes.get("/exams/{accession}/report", Scope.OBJECT, "read_report", audited=True)
def report(call: Call, accession: str) -> Page:
    """Show the report: the editor while it is written, its text and versions afterwards."""
    page = admitted(call, accession)
    draft = call.services.reports().reports.draft(accession)
    filters = came_from(call, page.exam.site)
    form = kept_form(call.services.access, call.person.account_id, PLACE.format(accession=accession), call.now)
    if form is not None and call.may("edit_report", page.exam.site) and (editor := _given_back(page, draft, filters, form)):
        return editor_page(call, editor)
    if draft is not None and draft.status in _OVER and not open_beside(draft):
        return read_only_page(call, page, draft, filters)
    return editor_page(call, opened(call, page, draft, filters))


def _given_back(page: ExamPage, draft: Draft | None, filters: Filters, form: KeptForm) -> Editor | None:
    """Return the editor on what was typed when the session ended; None when it is what was saved, or no form of ours."""
    try:
        sent = typed_in(form.fields)
    except FormErrors:
        return None
    typed = replace(sent, sections=sent.kept)
    if draft is not None and draft.same_text(typed.title, typed.kept, typed.rpps):
        return None
    if draft is not None and draft.status in _OVER and not open_beside(draft):
        fault = fault_of(Problem(f"report_{draft.status.value}", ""), typed.sections)
        return Editor(page, typed, draft, filters, (fault,), conflict=draft, autosaves=False, kept=form)
    if draft is not None and draft.rev != typed.rev:
        return Editor(page, replace(typed, rev=draft.rev), draft, filters, conflict=draft, autosaves=False, kept=form)
    return Editor(page, typed, draft, filters, kept=form)


@routes.post("/exams/{accession}/report/forget", Scope.OBJECT, "edit_report", audited=True, body=NothingBody)
def forget(call: Call, accession: str) -> Answer:
    """Forget what was typed when the session ended: its writer does not want it."""
    admitted(call, accession)
    drop_form(call.services.access, call.person.account_id, PLACE.format(accession=accession))
    return Redirect(PLACE.format(accession=accession))


@routes.get("/exams/{accession}/report/state", Scope.OBJECT, "read_report", passive=True)
def state(call: Call, accession: str) -> Page:
    """Tell how far the signing is, which the page asks while it runs; it shows nothing of the patient."""
    call.names(accession)
    exam = call.services.agenda.exams.get(accession)
    draft = call.services.reports().reports.draft(accession) if exam else None
    if exam is None or draft is None:
        raise NotFound
    call.admit(exam.site, object_id=accession, patient_id=exam.patient_id)
    looks = min(int(text), MOST_LOOKS) if (text := call.one("looks")).isdecimal() else 0
    over = draft.status is not DraftStatus.VALIDATING
    return Page("report/state.html", signing(call, draft, looks), headers={"HX-Refresh": "true"} if over else {})


@routes.post("/exams/{accession}/report/alive", Scope.OBJECT, "edit_report", passive=True, **{**TEXT, "audited": False})
def alive(call: Call, accession: str) -> Raw:
    """Say that the session is still open, which the editor asks by itself; once it is over, the gate keeps what the form holds."""
    call.names(accession)
    exam = call.services.agenda.exams.get(accession)
    if exam is None:
        raise NotFound
    call.admit(exam.site, object_id=accession, patient_id=exam.patient_id)
    return Raw("", "text/plain; charset=utf-8")


@routes.post(PLACE, Scope.OBJECT, "edit_report", answer=SavedView, **TEXT)
def save(call: Call, accession: str) -> Answer:
    """Save the text because somebody asked for it."""
    return written(call, accession, lambda saved: saved)


@routes.post("/exams/{accession}/report/autosave", Scope.OBJECT, "edit_report", **TEXT)
def autosave(call: Call, accession: str) -> Page:
    """Save the text because its writer paused; what went wrong is said in one line, and nothing typed is touched."""
    page = admitted(call, accession)
    values: dict[str, object] = {"code": "", "saved": None, "zone": page.site.time_zone, "pasted": None}
    try:
        typed = typed_of(call)
        values |= {"saved": _saved(call, page, typed), "pasted": pasted(typed)}
    except FormErrors:
        values["code"] = "field_malformed"
    except RisError as error:
        values["code"] = error.code
    return Page("report/saved.html", values)


@routes.post("/exams/{accession}/report/provisional", Scope.OBJECT, "edit_report", **TEXT)
def provisional(call: Call, accession: str) -> Answer:
    """Save the text and mark it as provisional, or no longer."""
    on = call.form.get("on", "1") != "0"

    def then(saved: Draft) -> Draft:
        s, actor = call.services.reports(), call.person.account_id
        return mark_provisional(s, accession, saved.rev, on=on, actor=actor, now=call.now)

    return written(call, accession, then)


@routes.post("/exams/{accession}/report/validate", Scope.OBJECT, "validate_report", answer=SavedView, **TEXT)
def validate(call: Call, accession: str) -> Answer:
    """Save the text and validate it: the one click; with `next` go on to the next exam of the list. Done twice it is done once."""

    def then(saved: Draft) -> Draft:
        return validate_report(call.services.reports(), ValidateReport(accession, saved.rev, call.person), call.now)

    return written(call, accession, then, go=next_of if call.form.get("next") == "1" else None)


Go = Callable[[Call, Filters, str], str]


def written(call: Call, accession: str, then: Callable[[Draft], Draft], *, go: Go | None = None) -> Answer:
    """Save, do what was asked besides, and come back to the report or go on; what a rule refuses stands beside its field.

    Args:
        call: With the text of the report.
        accession: Of the exam.
        then: What was asked besides, on the draft as it was saved.
        go: Says where to go afterwards; None for the report's own page.

    Raises:
        InvalidInput: `field_malformed`: it is no form of ours; anything else only where JSON is wanted.
    """
    page = admitted(call, accession)
    filters = _list_of(call, page)
    try:
        typed = typed_of(call)
    except FormErrors:
        raise InvalidInput("field_malformed", field="rev") from None
    saved: Draft | None = None
    try:
        saved = _saved(call, page, typed)
        done = then(saved)
    except (InvalidInput, Refused) as error:
        if error.code in CLOSED and _stands(call, accession, typed):
            return Redirect(go(call, filters, accession) if go else _back(call, accession, filters))
        if call.wants is Wants.JSON:
            raise
        return _said_no(call, page, typed, saved, error)
    view = SavedView(accession_number=accession, rev=done.rev, status=done.status.value)
    return Redirect(go(call, filters, accession) if go else _back(call, accession, filters), data=view)


def _list_of(call: Call, page: ExamPage) -> Filters:
    return filters_from(call, call.form.get("list", ""), page.exam.site)


def _back(call: Call, accession: str, filters: Filters) -> str:
    """Return the report's own page, which remembers the list it was opened from."""
    place = PLACE.format(accession=accession)
    return f"{place}?{filters.query()}" if call.form.get("list") else place


def _stands(call: Call, accession: str, typed: Typed) -> bool:
    """Tell whether the report says just what was typed: the click was a second one, and nothing is lost."""
    draft = call.services.reports().reports.draft(accession)
    return draft is not None and draft.same_text(typed.title, typed.kept, typed.rpps)


def _saved(call: Call, page: ExamPage, typed: Typed) -> Draft:
    s, accession, actor = call.services.reports(), page.exam.accession_number, call.person.account_id
    command = EditReport(
        accession,
        rev=typed.rev,
        title=typed.title,
        sections=typed.kept,
        actor=actor,
        recipients=typed.rpps,
        takes=call.may("validate_report", page.exam.site),
    )
    saved = edit_report(s, command, call.now)
    if typed.marks is not None:
        saved = set_marks(s, accession, saved.rev, typed.marks, actor=actor, now=call.now)
    if not page.exam.reported:
        report_begun(call.services.agenda.exams, accession)
    if call.form.get("kept"):
        drop_form(call.services.access, actor, PLACE.format(accession=accession))
    return saved


def _said_no(call: Call, page: ExamPage, typed: Typed, saved: Draft | None, error: InvalidInput | Refused) -> Page:
    """Show the same text again with what is wrong, and when somebody else was first, theirs beside it."""
    s, accession, filters = call.services.reports(), page.exam.accession_number, _list_of(call, page)
    status, typed = status_of(error), replace(typed, sections=typed.kept)
    if error.code == "edited_by_other":
        stored = s.reports.draft(accession)
        # The next save is made in full knowledge of the other text: it names that revision.
        typed = replace(typed, rev=stored.rev if stored else typed.rev)
        return editor_page(call, Editor(page, typed, stored, filters, conflict=stored, autosaves=False), status=status)
    if error.code in CLOSED:
        # Somebody validated meanwhile: what was typed too late is shown beside what stands, so that its writer can take it along.
        stored, fault = s.reports.draft(accession), fault_of(Problem(error.code, ""), typed.sections)
        return editor_page(call, Editor(page, typed, stored, filters, (fault,), conflict=stored, autosaves=False), status=status)
    draft = saved or s.reports.draft(accession)
    found = problems(saved) if saved is not None and call.rule.action == "validate_report" else ()
    found = found if any(each.code == error.code for each in found) else (Problem(error.code, error.field, error.detail), *found)
    faults = tuple(fault_of(each, typed.sections) for each in found)
    typed = replace(typed, rev=saved.rev if saved else typed.rev)
    return editor_page(call, Editor(page, typed, draft, filters, faults, autosaves=saved is not None), status=status)
