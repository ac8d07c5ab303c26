"""The PDF of a validated version, out of the documents' store: the very bytes that were signed."""

from __future__ import annotations

from ris.application.report.documents import read
from ris.domain.report.version import PDF, VersionState
from ris.portal.agenda.exams import admitted
from ris.portal.answers import NotFound, Raw
from ris.portal.call import Call
from ris.portal.routing import Routes, Scope

routes = Routes("report")
_POLICY = "default-src 'none'; object-src 'self'; plugin-types application/pdf; frame-ancestors 'none'; base-uri 'none'"


@routes.get("/exams/{accession}/report/versions/{version}/pdf", Scope.OBJECT, "read_report", audited=True)
def pdf(call: Call, accession: str, version: str) -> Raw:
    """Give the PDF of one signed version; its name holds our own numbers only."""
    page = admitted(call, accession)
    number = int(version) if version.isdecimal() and len(version) < 4 else 0
    s = call.services.reports()
    found = s.reports.version(page.exam.accession_number, number) if number else None
    if found is None or found.state is not VersionState.SIGNED:
        raise NotFound
    name = f"CR-{found.accession_number}-v{found.version}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Content-Security-Policy": _POLICY}
    return Raw(read(s, found, PDF), "application/pdf", headers=headers)
