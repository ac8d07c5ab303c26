"""One exam: when, where, its state, its numbers, what was sent and what the modality said; its cancellation.

Markup of the page: `[data-exam]` carries `data-accession data-state data-day data-start="HH:MM" data-end data-room data-study-uid
data-patient data-patient-ipp data-site`; rows `data-delivery data-channel data-recipient data-state data-message-id`;
`data-delivery` also `data-unknown data-reason data-remote-code data-version`; `#identity` as in `ris.portal.identity.panel`; `#report` with
`data-report-status data-version`; `data-mpps data-status`; the fragment `/state` carries `data-accession data-state`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from ris.application.agenda.cancel_exam import cancel_exam
from ris.application.agenda.pages import ExamPage
from ris.application.agenda.views import exam_page
from ris.contracts.portal import DeliveryView, ExamView, PerformedView, ReasonBody
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.agenda.site_calendar import day_of
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.errors import Refused
from ris.domain.report.draft import Draft
from ris.domain.report.version import Version
from ris.portal.agenda.deliveries import DeliveryLine, lines_of
from ris.portal.answers import Answer, NotFound, Page, Redirect
from ris.portal.call import Call, Wants
from ris.portal.forms import FormErrors, read
from ris.portal.identity.panel import PANEL_LISTS, panel_of
from ris.portal.people import person
from ris.portal.routing import Routes, Scope

routes = Routes("agenda")
CANCEL_REASONS = ("patient", "no_show", "site", "mistake", "order_cancelled")
_MOST_LOOKS = 40
"""How often a page left open asks by itself; each look counts as activity of the session, which must end some time."""
_ATTENDED = frozenset({ExamState.HELD, ExamState.BOOKED, ExamState.IN_PROGRESS, ExamState.COMPLETED, ExamState.DISCONTINUED})
"""States of an exam that takes or took place: its patient is to be identified, and it may have a report."""
_CANCELLABLE = frozenset({ExamState.HELD, ExamState.BOOKED})


def admitted(call: Call, accession: str) -> ExamPage:
    """Return the exam if the person has a role at its site; else it does not exist."""
    call.names(accession)
    page = exam_page(call.services.agenda, accession)
    if page is None:
        raise NotFound
    call.admit(page.exam.site, object_id=accession, patient_id=page.exam.patient_id)
    return page


@routes.get("/exams/{accession}", Scope.OBJECT, "read_exam", audited=True, answer=ExamView)
def exam(call: Call, accession: str) -> Page:
    """Show one exam."""
    page = admitted(call, accession)
    return Page("agenda/exam.html", _values(call, page), data=_view(page))


@routes.get("/exams/{accession}/state", Scope.OBJECT, "read_exam", passive=True)
def state(call: Call, accession: str) -> Page:
    """Give the exam's state alone, which the page asks for again while it may change by itself; it shows nothing of the patient."""
    call.names(accession)
    found = call.services.agenda.exams.get(accession)
    if found is None:
        raise NotFound
    call.admit(found.site, object_id=accession, patient_id=found.patient_id)
    values = {
        "exam": found,
        "zone": _zone(call, found.site),
        **_watch(call, found, call.services.agenda.deliveries.of_owner(accession)),
    }
    changed = call.one("seen") not in ("", values["seen"])
    return Page("agenda/exam_state.html", values, headers={"HX-Refresh": "true"} if changed else {})


@routes.get("/exams/{accession}/cancel", Scope.OBJECT, "cancel_exam", audited=True)
def ask_cancel(call: Call, accession: str) -> Page:
    """Ask why the exam is cancelled."""
    return _cancel_form(call, admitted(call, accession), {})


@routes.post("/exams/{accession}/cancel", Scope.OBJECT, "cancel_exam", audited=True, body=ReasonBody)
def cancel(call: Call, accession: str) -> Answer:
    """Cancel the exam; doing it twice changes nothing."""
    page = admitted(call, accession)
    try:
        reason = read(call, ReasonBody).reason
        if reason not in CANCEL_REASONS:
            raise FormErrors({"reason": "field_malformed"})
    except FormErrors as wrong:
        return _cancel_form(call, page, wrong.codes)
    try:
        done = cancel_exam(call.services.agenda, accession, reason, call.person.account_id, call.now)
    except Refused as error:
        if call.wants is Wants.JSON or error.field != "reason":
            raise
        return _cancel_form(call, page, {"reason": error.code}, status=409)
    return Redirect(f"/exams/{done.accession_number}")


def _cancel_form(call: Call, page: ExamPage, errors: dict[str, str], status: int = 400) -> Page:
    reasons = CANCEL_REASONS if page.request else CANCEL_REASONS[:-1]
    values = {**_values(call, page), "reasons": reasons, "errors": errors, "typed": call.form if errors else {}}
    return Page("agenda/cancel.html", values, status=status if errors else 200)


def _watch(call: Call, exam: Exam, deliveries: Sequence[Delivery]) -> dict[str, object]:
    """Return what the page asks again with: what it has seen, how often it has looked, and whether it still should."""
    looks = min(int(text), _MOST_LOOKS) if (text := call.one("looks")).isdecimal() else 0
    waits = exam.state is ExamState.HELD or any(each.state is DeliveryState.PENDING for each in deliveries)
    seen = f"{exam.version}-{sum(each.version for each in deliveries)}"
    return {"seen": seen, "looks": looks + 1, "moving": waits and looks < _MOST_LOOKS}


def _zone(call: Call, site: str) -> str:
    at = call.services.reference.site(site)
    assert at is not None
    return at.time_zone


def _values(call: Call, page: ExamPage) -> dict[str, object]:
    appointment = page.exam.appointment
    rooms = {each.room: each.name for each in call.services.reference.rooms(page.exam.site)}
    kind = call.services.reference.catalogue_exam(page.exam.exam_code)
    lines: list[DeliveryLine] = lines_of(page.deliveries, page.site.time_zone, call.now)
    return {
        "page": page,
        "exam": page.exam,
        "zone": page.site.time_zone,
        "the_day": date.fromisoformat(appointment.day),
        "room_name": rooms.get(appointment.room, appointment.room),
        "lines": lines,
        **_watch(call, page.exam, page.deliveries),
        "cancellable": page.exam.state in _CANCELLABLE,
        "today": date.fromisoformat(day_of(call.now, page.site.time_zone)),
        "questions": kind.questions if kind else (),
        "panel": panel_of(call, page.patient, episode=page.exam) if page.patient and page.exam.state in _ATTENDED else None,
        **_report_values(call, page),
        **PANEL_LISTS,
    }


def _report_values(call: Call, page: ExamPage) -> dict[str, object]:
    """Return what the page says of the exam's report, to whom may read reports."""
    shown = call.may("read_report", page.exam.site) and page.exam.state in _ATTENDED
    draft = call.services.reports().reports.draft(page.exam.accession_number) if shown else None
    versions = versions_of(call, page.exam.accession_number, draft)
    return {
        "report_shown": shown,
        "draft": draft,
        "report_status": status_of_draft(draft),
        "versions": versions,
        "may_edit_report": call.may("edit_report", page.exam.site),
        "awaits_announcement": _awaits_announcement(versions, draft),
    }


def _awaits_announcement(versions: Sequence[Version], draft: Draft | None) -> bool:
    """Say whether the version that stands is hidden from the patient until somebody spoke with them."""
    return any(draft is not None and each.version == draft.version and each.marks.announcement_pending for each in versions)


def versions_of(call: Call, accession: str, draft: Draft | None) -> list[Version]:
    """Return the versions of a report, newest first; none is asked for while nobody validated."""
    begun = draft is not None and (draft.version or draft.validation is not None or draft.refusal is not None)
    return call.services.reports().reports.versions(accession)[::-1] if begun else []


def status_of_draft(draft: Draft | None) -> str:
    """Return where a report stands in one word of ours: `none refused draft provisional validating validated`."""
    if draft is None:
        return "none"
    open_ = draft.refusal is not None and draft.status.value in ("draft", "provisional")
    return "refused" if open_ else draft.status.value


def _view(page: ExamPage) -> ExamView:
    exam = page.exam
    return ExamView(
        accession_number=exam.accession_number,
        study_instance_uid=exam.study_instance_uid,
        state=exam.state.value,
        site=exam.site,
        day=exam.appointment.day,
        start=page.start,
        end=page.end,
        room=exam.appointment.room,
        exam_code=exam.exam_code,
        exam_label=exam.exam_label,
        patient=person(page.patient, page.ipp),
        deliveries=[
            DeliveryView(
                channel=each.channel,
                recipient=each.recipient,
                state=each.state.value,
                unknown=each.unknown,
                remote_code=each.remote_code,
                reason=each.reason,
                report_version=each.report_version,
            )
            for each in page.deliveries
        ],
        performed=[PerformedView(sop_instance_uid=each.sop_instance_uid, status=each.status) for each in exam.performed],
    )
