"""What a validated report may still need: announcement done, a correction, a deletion, to be withheld or let go; and its rows by hand.

Markup: the forms are `form[data-action]` (`announced correct delete withhold`), the rows' `form[data-action=retry|printed]`; a rule that
says no is a page with its code, as everywhere.
"""

from __future__ import annotations

from typing import TypeVar

from ris.application.dispatch.printed import mark_printed
from ris.application.dispatch.retry import retry_row
from ris.application.report.correct_report import correct_report
from ris.application.report.remake_report import delete_report, release_announcement
from ris.application.report.withhold import withhold
from ris.contracts.portal import DeliveryRowBody, NothingBody, ReportBody, WithholdBody
from ris.domain.errors import InvalidInput
from ris.portal.agenda.exams import admitted
from ris.portal.answers import Answer, Page, Redirect
from ris.portal.call import Call
from ris.portal.forms import FormErrors, read
from ris.portal.routing import Routes, Scope

routes = Routes("report")
Model = TypeVar("Model", ReportBody, WithholdBody, DeliveryRowBody)


@routes.post("/exams/{accession}/report/announced", Scope.OBJECT, "release_announcement", audited=True, body=NothingBody)
def announced(call: Call, accession: str) -> Answer:
    """Record that somebody spoke with the patient: the report becomes visible to them."""
    admitted(call, accession)
    release_announcement(call.services.reports(), accession, actor=call.person.account_id, now=call.now)
    return Redirect(f"/exams/{accession}/report")


@routes.post("/exams/{accession}/report/correct", Scope.OBJECT, "edit_report", audited=True, body=ReportBody)
def correct(call: Call, accession: str) -> Answer:
    """Open the text again for the next version."""
    admitted(call, accession)
    rev = int(_read(call, ReportBody).rev)
    correct_report(call.services.reports(), accession, rev, actor=call.person.account_id, now=call.now)
    return Redirect(f"/exams/{accession}/report")


@routes.get("/exams/{accession}/report/delete", Scope.OBJECT, "delete_report", audited=True)
def ask_delete(call: Call, accession: str) -> Page:
    """Ask whether the report is really to be taken back, from whom it would be."""
    page = admitted(call, accession)
    return Page("report/delete.html", {"page": page, "exam": page.exam, "zone": page.site.time_zone})


@routes.post("/exams/{accession}/report/delete", Scope.OBJECT, "delete_report", audited=True, body=NothingBody)
def delete(call: Call, accession: str) -> Answer:
    """Take the report back from everybody who got it."""
    admitted(call, accession)
    delete_report(call.services.reports(), accession, actor=call.person.account_id, now=call.now)
    return Redirect(f"/exams/{accession}/report")


@routes.post("/exams/{accession}/report/withhold", Scope.OBJECT, "withhold_report", audited=True, body=WithholdBody)
def hold(call: Call, accession: str) -> Answer:
    """Withhold what has not left, or let it go."""
    admitted(call, accession)
    withhold(call.services.reports(), accession, on=_read(call, WithholdBody).on == "1", now=call.now)
    return Redirect(f"/exams/{accession}/report")


@routes.post("/exams/{accession}/deliveries/retry", Scope.OBJECT, "retry_delivery", audited=True, body=DeliveryRowBody)
def retry(call: Call, accession: str) -> Answer:
    """Send one row again, unless that could double an effect."""
    admitted(call, accession)
    row = _read(call, DeliveryRowBody)
    retry_row(call.services.dispatch(), accession, row.channel, row.recipient, int(row.version), call.now)
    return Redirect(f"/exams/{accession}")


@routes.post("/exams/{accession}/deliveries/printed", Scope.OBJECT, "print_report", audited=True, body=DeliveryRowBody)
def printed(call: Call, accession: str) -> Answer:
    """Note that the report was printed and sent on paper: by whom, and when."""
    page = admitted(call, accession)
    row, by = _read(call, DeliveryRowBody), call.person.account_id
    mark_printed(call.services.letters(), accession, row.channel, row.recipient, int(row.version), by, call.now)
    return Redirect(f"/sites/{page.exam.site}/letters" if row.back else f"/exams/{accession}")


def _read(call: Call, model: type[Model]) -> Model:
    try:
        return read(call, model)
    except FormErrors as wrong:
        raise InvalidInput("field_malformed", field=next(iter(wrong.codes))) from None
