"""The report of one exam: typed in plain text areas, saved by itself and on demand, validated by one click, read-only afterwards.

Markup: `[data-report]` carries `data-accession data-report-status data-rev data-version data-editable`; the editor is `form#editor` with
fields `rev title recipients heading-0 text-0 …` and buttons `[data-action]` (`save provisional validate`), sent to their `formaction`; a
fault is `[data-field][data-error-code]`; `[data-conflict]` when somebody else saved first; `#saved` says when it was saved by itself;
versions are `[data-version-row][data-version-state]` with a link `a[data-pdf]`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from ris.application.agenda.pages import ExamPage
from ris.application.report.correct_report import set_marks
from ris.application.report.edit_report import EditReport, edit_report, mark_provisional
from ris.application.report.reading_list import report_begun
from ris.application.report.validate_report import ValidateReport, problems, validate_report
from ris.contracts.portal import ReportBody, SavedView
from ris.domain.errors import InvalidInput, Refused, RisError
from ris.domain.report.draft import Draft, DraftStatus
from ris.domain.report.frozen import Section
from ris.domain.report.rules import Problem
from ris.domain.report.templates import Template, for_exam, opened_with
from ris.portal.agenda.deliveries import lines_of
from ris.portal.agenda.exams import admitted, versions_of
from ris.portal.answers import Answer, NotFound, Page, Redirect
from ris.portal.call import Call, Wants
from ris.portal.forms import FormErrors
from ris.portal.report.typed import Fault, Typed, fault_of, typed_from, typed_of
from ris.portal.respond import status_of
from ris.portal.routing import Routes, Scope

routes = Routes("report")
MAX_BODY_BYTES = 2 * 1024 * 1024
"""A report of 200,000 characters, each sent as up to nine."""
_OVER = frozenset({DraftStatus.VALIDATING, DraftStatus.VALIDATED, DraftStatus.DELETED})
_OPEN = (DraftStatus.DRAFT, DraftStatus.PROVISIONAL)
_CLOSED = ("report_validating", "report_validated", "report_deleted")
_SLOW = timedelta(minutes=2)
_MOST_LOOKS = 60


@dataclass(frozen=True)
class Editor:
    """What the editor shows beside its texts.

    Args:
        faults: By field; those of no field stand above the form.
        conflict: What somebody else saved meanwhile, or None.
        autosaves: Whether typing saves by itself: not while two texts are to be compared.
    """

    page: ExamPage
    typed: Typed
    draft: Draft | None
    faults: tuple[Fault, ...] = ()
    conflict: Draft | None = None
    autosaves: bool = True

    @property
    def closed(self) -> bool:
        """Whether the report was validated while this text was typed: it can only be copied."""
        return any(each.code in _CLOSED for each in self.faults)

    def at(self, field: str) -> list[Fault]:
        """Return the faults beside one field."""
        return [each for each in self.faults if each.field == field]


@routes.get("/exams/{accession}/report", Scope.OBJECT, "read_report", audited=True)
def report(call: Call, accession: str) -> Page:
    """Show the report: the editor while it is written, its text and versions afterwards."""
    page = admitted(call, accession)
    draft = call.services.reports().reports.draft(accession)
    if draft is not None and draft.status in _OVER and not _open_beside(draft):
        return _read_only(call, page, draft)
    return _editor(call, _opened(call, page, draft))


@routes.get("/exams/{accession}/report/state", Scope.OBJECT, "read_report")
def state(call: Call, accession: str) -> Page:
    """Tell how far the signing is, which the page asks while it runs; it shows nothing of the patient."""
    call.names(accession)
    exam = call.services.agenda.exams.get(accession)
    draft = call.services.reports().reports.draft(accession) if exam else None
    if exam is None or draft is None:
        raise NotFound
    call.admit(exam.site, object_id=accession, patient_id=exam.patient_id)
    looks = min(int(text), _MOST_LOOKS) if (text := call.one("looks")).isdecimal() else 0
    over = draft.status is not DraftStatus.VALIDATING
    values = _signing(call, draft, looks)
    return Page("report/state.html", values, headers={"HX-Refresh": "true"} if over else {})


@routes.post(
    "/exams/{accession}/report",
    Scope.OBJECT,
    "edit_report",
    audited=True,
    body=ReportBody,
    answer=SavedView,
    max_body=MAX_BODY_BYTES,
)
def save(call: Call, accession: str) -> Answer:
    """Save the text because somebody asked for it."""
    return _written(call, accession, lambda saved: saved)


@routes.post(
    "/exams/{accession}/report/autosave", Scope.OBJECT, "edit_report", audited=True, body=ReportBody, max_body=MAX_BODY_BYTES
)
def autosave(call: Call, accession: str) -> Page:
    """Save the text because its writer paused; what went wrong is said in one line, and nothing typed is touched."""
    page = admitted(call, accession)
    zone = page.site.time_zone
    try:
        saved = _saved(call, page, typed_of(call))
    except FormErrors:
        return Page("report/saved.html", {"code": "field_malformed", "saved": None, "zone": zone})
    except RisError as error:
        return Page("report/saved.html", {"code": error.code, "saved": None, "zone": zone})
    return Page("report/saved.html", {"code": "", "saved": saved, "zone": zone})


@routes.post(
    "/exams/{accession}/report/provisional", Scope.OBJECT, "edit_report", audited=True, body=ReportBody, max_body=MAX_BODY_BYTES
)
def provisional(call: Call, accession: str) -> Answer:
    """Save the text and mark it as provisional, or no longer."""
    on = call.form.get("on", "1") != "0"

    def then(saved: Draft) -> Draft:
        s, actor = call.services.reports(), call.person.account_id
        return mark_provisional(s, accession, saved.rev, on=on, actor=actor, now=call.now)

    return _written(call, accession, then)


@routes.post(
    "/exams/{accession}/report/validate",
    Scope.OBJECT,
    "validate_report",
    audited=True,
    body=ReportBody,
    answer=SavedView,
    max_body=MAX_BODY_BYTES,
)
def validate(call: Call, accession: str) -> Answer:
    """Save the text and validate it: the one click. Done twice it is done once."""

    def then(saved: Draft) -> Draft:
        return validate_report(call.services.reports(), ValidateReport(accession, saved.rev, call.person), call.now)

    return _written(call, accession, then)


def _written(call: Call, accession: str, then: object) -> Answer:
    """Save, do what was asked besides, and come back to the report; what a rule refuses stands beside its field."""
    assert callable(then)
    page = admitted(call, accession)
    try:
        typed = typed_of(call)
    except FormErrors:
        raise InvalidInput("field_malformed", field="rev") from None
    saved: Draft | None = None
    try:
        saved = _saved(call, page, typed)
        done: Draft = then(saved)
    except (InvalidInput, Refused) as error:
        if error.code in _CLOSED and _stands(call, accession, typed):
            return Redirect(f"/exams/{accession}/report")
        if call.wants is Wants.JSON:
            raise
        return _said_no(call, page, typed, saved, error)
    view = SavedView(accession_number=accession, rev=done.rev, status=done.status.value)
    return Redirect(f"/exams/{accession}/report", data=view)


def _stands(call: Call, accession: str, typed: Typed) -> bool:
    """Tell whether the report says just what was typed: the click was a second one, and nothing is lost."""
    draft = call.services.reports().reports.draft(accession)
    return draft is not None and draft.same_text(typed.title, typed.kept, typed.rpps)


def _saved(call: Call, page: ExamPage, typed: Typed) -> Draft:
    s, accession = call.services.reports(), page.exam.accession_number
    command = EditReport(
        accession, rev=typed.rev, title=typed.title, sections=typed.kept, actor=call.person.account_id, recipients=typed.rpps
    )
    saved = edit_report(s, command, call.now)
    if typed.marks is not None:
        saved = set_marks(s, accession, saved.rev, typed.marks, actor=call.person.account_id, now=call.now)
    if not page.exam.reported:
        report_begun(call.services.agenda.exams, accession)
    return saved


def _said_no(call: Call, page: ExamPage, typed: Typed, saved: Draft | None, error: InvalidInput | Refused) -> Page:
    """Show the same text again with what is wrong, and when somebody else was first, theirs beside it."""
    s, accession = call.services.reports(), page.exam.accession_number
    status, typed = status_of(error), replace(typed, sections=typed.kept)
    if error.code == "edited_by_other":
        stored = s.reports.draft(accession)
        # The next save is made in full knowledge of the other text: it names that revision.
        typed = replace(typed, rev=stored.rev if stored else typed.rev)
        return _editor(call, Editor(page, typed, stored, conflict=stored, autosaves=False), status=status)
    if error.code in _CLOSED:
        # Somebody validated meanwhile: what was typed too late is shown beside what stands, so that its writer can take it along.
        stored, fault = s.reports.draft(accession), fault_of(Problem(error.code, ""), typed.sections)
        return _editor(call, Editor(page, typed, stored, (fault,), conflict=stored, autosaves=False), status=status)
    draft = saved or s.reports.draft(accession)
    found = problems(saved) if saved is not None and call.rule.action == "validate_report" else ()
    found = found if any(each.code == error.code for each in found) else (Problem(error.code, error.field, error.detail), *found)
    faults = tuple(fault_of(each, typed.sections) for each in found)
    typed = replace(typed, rev=saved.rev if saved else typed.rev)
    return _editor(call, Editor(page, typed, draft, faults, autosaves=saved is not None), status=status)


def _opened(call: Call, page: ExamPage, draft: Draft | None) -> Editor:
    """Return the editor on what was saved, with what the signing machine refused; an empty report opens with its outline."""
    if draft is None:
        return Editor(page, Typed(0, page.exam.exam_label, opening_of(call, page)), None)
    faults: tuple[Fault, ...] = ()
    if draft.refusal is not None:
        refusal = draft.refusal
        faults = (fault_of(Problem(refusal.code, refusal.field, refusal.detail), draft.sections),)
    return Editor(page, typed_from(draft), draft, faults)


def opening_of(call: Call, page: ExamPage) -> tuple[Section, ...]:
    """Return what the report of an exam begins with."""
    template = next((each for each in templates_of(call, page) if each.opens), None)
    reason = page.request.reason if page.request and page.request.reason != '""' else ""
    return opened_with(template, reason)


def templates_of(call: Call, page: ExamPage) -> tuple[Template, ...]:
    """Return the templates for this exam and this reader, the closest first."""
    exam, modality = page.exam.exam_code, page.exam.kind.dicom_modality
    rows = call.services.reference.report_templates()
    return for_exam(rows, exam_code=exam, dicom_modality=modality, account_id=call.person.account_id)


def _open_beside(draft: Draft) -> bool:
    """Say whether the text is open although a version that repeats an older one is being made."""
    return draft.status is DraftStatus.VALIDATING and draft.resume in _OPEN


def _editor(call: Call, editor: Editor, *, status: int = 200) -> Page:
    page = editor.page
    values = {
        **_around(call, page, editor.draft),
        "editor": editor,
        "typed": editor.typed,
        "signing_refused": editor.draft.refusal if editor.draft else None,
        "can_edit": call.may("edit_report", page.exam.site),
        "can_validate": call.may("validate_report", page.exam.site),
    }
    if call.wants is Wants.FRAGMENT:
        return Page("report/form.html", values)  # htmx swaps nothing of an answer that is not 200
    return Page("report/editor.html", values, status=status)


def _read_only(call: Call, page: ExamPage, draft: Draft) -> Page:
    s, site = call.services.reports(), page.exam.site
    stands = s.reports.version(page.exam.accession_number, draft.version) if draft.version else None
    values = {
        **_around(call, page, draft),
        **_signing(call, draft, 0),
        "stands": stands,
        "may_release": call.may("release_announcement", site),
        "may_withhold": call.may("withhold_report", site),
        "may_delete": call.may("delete_report", site),
        "may_correct": call.may("edit_report", site),
    }
    return Page("report/report.html", values)


def _signing(call: Call, draft: Draft, looks: int) -> dict[str, object]:
    validated_at = draft.validation.validated_at if draft.validation else None
    waits = draft.status is DraftStatus.VALIDATING
    return {
        "draft": draft,
        "slow": bool(waits and validated_at and call.now > validated_at + _SLOW),
        "looks": looks + 1,
        "moving": waits and looks < _MOST_LOOKS,
    }


def _around(call: Call, page: ExamPage, draft: Draft | None) -> dict[str, object]:
    """Return what stands around a report in every state."""
    zone = page.site.time_zone
    validator = draft.validation.account_id if draft and draft.validation else ""
    names = {account for account in ((draft.edited_by, draft.author, validator) if draft else ()) if account}
    return {
        "page": page,
        "exam": page.exam,
        "zone": zone,
        "draft": draft,
        "people": {account: name_of(call, account) for account in names},
        "versions": versions_of(call, page.exam.accession_number, draft),
        "lines": lines_of([each for each in page.deliveries if each.report_version], zone, call.now),
    }


def name_of(call: Call, account: str) -> str:
    """Return how an account is called, or its id when it is no longer there."""
    known = call.services.access.accounts.get(account) if account else None
    return known.name if known else account
