"""What the pages of one report show: the editor with everything beside it, or the text that stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ris.application.agenda.pages import ExamPage
from ris.application.report.expected_channels import Asked, ExpectedChannel, expected_channels
from ris.application.report.priors import priors_of
from ris.domain.access.kept import KeptForm
from ris.domain.agenda.exam import ExamState
from ris.domain.report.draft import Draft, DraftStatus
from ris.domain.report.frozen import Section
from ris.domain.report.marks import Marks
from ris.domain.report.pacs_link import pacs_link
from ris.domain.report.rules import Problem
from ris.domain.report.templates import Macro, Template, for_exam, opened_with
from ris.portal.agenda.deliveries import lines_of
from ris.portal.agenda.exams import versions_of
from ris.portal.answers import Page
from ris.portal.call import Call, Wants
from ris.portal.french_expected import address_sentence, mend_sentence, state_sentence
from ris.portal.report.filters import Filters, readable_sites
from ris.portal.report.pasted import pasted
from ris.portal.report.typed import Fault, Typed, fault_of, typed_from

CLOSED = ("report_validating", "report_validated", "report_deleted")
OPEN = (DraftStatus.DRAFT, DraftStatus.PROVISIONAL)
MOST_LOOKS = 60
_SLOW = timedelta(minutes=2)
_NOT_DONE = (ExamState.CANCELLED, ExamState.EXPIRED)


@dataclass(frozen=True)
class Editor:
    """What the editor shows beside its texts.

    Args:
        filters: Of the list it was opened from.
        faults: By field; those of no field stand above the form.
        conflict: What somebody else saved meanwhile, or None.
        autosaves: Whether typing saves by itself: not while two texts are to be compared.
        kept: The form that was sent when its session had ended, whose text this is; or None.
    """

    page: ExamPage
    typed: Typed
    draft: Draft | None
    filters: Filters
    faults: tuple[Fault, ...] = ()
    conflict: Draft | None = None
    autosaves: bool = True
    kept: KeptForm | None = None

    @property
    def closed(self) -> bool:
        """Whether the report was validated while this text was typed: it can only be copied."""
        return any(each.code in CLOSED for each in self.faults)

    @property
    def gone(self) -> bool:
        """Whether the exam was cancelled: there is nothing to report."""
        return self.page.exam.state in _NOT_DONE

    def at(self, field: str) -> list[Fault]:
        """Return the faults beside one field."""
        return [each for each in self.faults if each.field == field]


def open_beside(draft: Draft) -> bool:
    """Say whether the text is open although a version that repeats an older one is being made."""
    return draft.status is DraftStatus.VALIDATING and draft.resume in OPEN


def opened(call: Call, page: ExamPage, draft: Draft | None, filters: Filters) -> Editor:
    """Return the editor on what was saved, with what the signing machine refused; an empty report opens with its template."""
    if draft is None or not (draft.title or draft.sections):
        typed = Typed(draft.rev if draft else 0, page.exam.exam_label, _opening(call, page), marks=draft.marks if draft else None)
        return Editor(page, typed, draft, filters)
    faults: tuple[Fault, ...] = ()
    if draft.refusal is not None:
        refusal = draft.refusal
        faults = (fault_of(Problem(refusal.code, refusal.field, refusal.detail), draft.sections),)
    return Editor(page, typed_from(draft), draft, filters, faults)


def _opening(call: Call, page: ExamPage) -> tuple[Section, ...]:
    template = next((each for each in templates_of(call, page) if each.opens), None)
    reason = page.request.reason if page.request and page.request.reason != '""' else ""
    return opened_with(template, reason)


def templates_of(call: Call, page: ExamPage) -> tuple[Template, ...]:
    """Return the templates for this exam and this reader, the closest first."""
    exam, modality = page.exam.exam_code, page.exam.kind.dicom_modality
    rows = call.services.reference.report_templates()
    return for_exam(rows, exam_code=exam, dicom_modality=modality, account_id=call.person.account_id)


def macros_of(call: Call, page: ExamPage) -> tuple[Macro, ...]:
    """Return the words this reader may put in by one click, the closest first."""
    exam, modality = page.exam.exam_code, page.exam.kind.dicom_modality
    rows = call.services.reference.report_macros()
    return for_exam(rows, exam_code=exam, dicom_modality=modality, account_id=call.person.account_id)


def editor_page(call: Call, editor: Editor, *, status: int = 200) -> Page:
    """Return the editor: the whole page, or its form alone where that is asked for."""
    page, macros = editor.page, macros_of(call, editor.page)
    values = {
        **around(call, page, editor.draft, editor.filters),
        "editor": editor,
        "typed": editor.typed,
        "signing_refused": editor.draft.refusal if editor.draft else None,
        "can_edit": call.may("edit_report", page.exam.site),
        "can_validate": call.may("validate_report", page.exam.site),
        "templates": templates_of(call, page),
        "fitting_macros": lambda heading: [each for each in macros if each.fits(heading)],
        "note": call.form.get("note", "") if call.method == "POST" else "",
        "pasted": pasted(editor.typed),
        "expected": expected_lines(call, page, editor.typed),
    }
    if call.wants is Wants.FRAGMENT:
        return Page("report/form.html", values)  # htmx swaps nothing of an answer that is not 200
    values["priors"] = priors(call, page)
    return Page("report/editor.html", values, status=status)


def read_only_page(call: Call, page: ExamPage, draft: Draft, filters: Filters) -> Page:
    """Return a report that stands, with what may be done after its validation."""
    s, site = call.services.reports(), page.exam.site
    stands = s.reports.version(page.exam.accession_number, draft.version) if draft.version else None
    values = {
        **around(call, page, draft, filters),
        **signing(call, draft, 0),
        "stands": stands,
        "priors": priors(call, page),
        "may_release": call.may("release_announcement", site),
        "may_withhold": call.may("withhold_report", site),
        "may_delete": call.may("delete_report", site),
        "may_correct": call.may("edit_report", site),
    }
    return Page("report/report.html", values)


def signing(call: Call, draft: Draft, looks: int) -> dict[str, object]:
    """Return how far the signing is, and whether the page looks again."""
    validated_at = draft.validation.validated_at if draft.validation else None
    waits = draft.status is DraftStatus.VALIDATING
    return {
        "draft": draft,
        "slow": bool(waits and validated_at and call.now > validated_at + _SLOW),
        "looks": looks + 1,
        "moving": waits and looks < MOST_LOOKS,
    }


def around(call: Call, page: ExamPage, draft: Draft | None, filters: Filters) -> dict[str, object]:
    """Return what stands around a report in every state."""
    zone, exam = page.site.time_zone, page.exam
    validator = draft.validation.account_id if draft and draft.validation else ""
    people = (draft.edited_by, draft.author, draft.reader, validator) if draft else ()
    return {
        "page": page,
        "exam": exam,
        "zone": zone,
        "draft": draft,
        "filters": filters,
        "query": filters.query(),
        "pacs": link_to_pacs(page),
        "people": {account: name_of(call, account) for account in people if account},
        "versions": versions_of(call, exam.accession_number, draft),
        "lines": lines_of([each for each in page.deliveries if each.report_version], zone, call.now),
    }


def link_to_pacs(page: ExamPage) -> str:
    """Return the address that opens the exam in the site's PACS, or an empty text."""
    exam = page.exam
    return pacs_link(page.site.pacs_url, study_instance_uid=exam.study_instance_uid, accession_number=exam.accession_number)


def priors(call: Call, page: ExamPage) -> list[dict[str, object]]:
    """Return the patient's earlier reports as the page lists them."""
    found = priors_of(call.services.reports(), page.exam, readable_sites(call))
    zones = {each.site: each.time_zone for each in call.services.reference.sites()}
    return [{"one": one, "zone": zones.get(one.exam.site, page.site.time_zone)} for one in found]


@dataclass(frozen=True)
class ExpectedLine:
    """One channel before validation, in French."""

    one: ExpectedChannel
    text: str
    mend: str
    address: str


def expected_lines(call: Call, page: ExamPage, typed: Typed) -> list[ExpectedLine]:
    """Return what each channel would do if this text were validated now, under these marks."""
    recipients = tuple(rpps for rpps in typed.rpps if len(rpps) == _RPPS and rpps.isdecimal() and rpps.isascii())
    asked = Asked(page.exam.site, page.patient, page.request, page.exam, typed.marks or Marks(), recipients)
    found = expected_channels(call.services.reports(), asked)
    return [ExpectedLine(one, state_sentence(one), mend_sentence(one), address_sentence(one)) for one in found]


_RPPS = 11


def name_of(call: Call, account: str) -> str:
    """Return how an account is called, or its id when it is no longer there."""
    known = call.services.access.accounts.get(account) if account else None
    return known.name if known else account
