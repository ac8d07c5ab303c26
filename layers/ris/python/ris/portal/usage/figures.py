"""The dashboard of usage (TBB.01 to TBB.03), and the reports behind each figure; finance sees numbers and days, never a patient.

Markup: rows `data-figure data-total data-qualified data-unqualified`, `data-axis-finess data-axis-rpps`, `data-month`; the list
`data-accession data-day data-difference`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ris.adapters.usage.french import LABELS, SHORT
from ris.application.usage.count_usage import count_usage
from ris.application.usage.dashboard import Dashboard, dashboard, line_of, listed
from ris.application.usage.export import is_known
from ris.contracts.portal_usage import CountBody, UsageLineView, UsageView
from ris.domain.usage.figures import BY_CODE, QUALIFIED, UNQUALIFIED, summed
from ris.portal.answers import NotFound, Page, Redirect
from ris.portal.call import Call
from ris.portal.routing import Routes, Scope
from ris.portal.usage.asked import Typed, today, typed

routes = Routes("usage")
_ROWS = 50
_OF_AN_AXIS = ("validated", "dmp", "professional", "patient", "files_all", "failed_dmp", "failed_professional", "failed_patient")


@routes.get("/usage", Scope.ANY_SITE, "read_usage", answer=UsageView)
def figures(call: Call) -> Page:
    """Show the figures of a period, by site and signatory, and by month."""
    wanted = typed(call)
    found = dashboard(call.services.usage(), wanted.asked)
    values = {
        **_frame(call, wanted),
        "lines": found.lines,
        "counted_until": found.counted_until,
        "axes": [
            (
                axis,
                [
                    line_of(BY_CODE[code], summed(axes[axis] for axes in found.months.values() if axis in axes))
                    for code in _OF_AN_AXIS
                ],
            )
            for axis in found.axes
            if wanted.asked.wants(axis)
        ],
        "axis_codes": _OF_AN_AXIS,
        "months": [
            (month, [line_of(BY_CODE[code], summed(axes.values())).total for code in SHORT]) for month, axes in found.months.items()
        ],
        "series": SHORT,
        "choices": _choices(call, found),
    }
    return Page("usage/figures.html", values, status=400 if wanted.errors else 200, data=_view(wanted, found))


@routes.get("/usage/list", Scope.ANY_SITE, "read_usage", audited=True)
def behind(call: Call) -> Page:
    """List the reports behind a figure, day by day."""
    code = call.one("figure", "validated")
    if not is_known(code):
        raise NotFound
    wanted = typed(call)
    period = wanted.asked.period
    after = call.one("after")
    begun = replace(wanted.asked, period=replace(period, first=after)) if period.first < after <= period.last else wanted.asked
    found, last = listed(call.services.usage(), begun, code, most=_ROWS)
    values = {
        **_frame(call, wanted),
        "code": code,
        "rows": found,
        "next": next((day for day in period.days if day > last), "") if last else "",
        "begun": begun is not wanted.asked,
        "qualified": QUALIFIED,
        "unqualified": UNQUALIFIED,
    }
    return Page("usage/list.html", values, status=400 if wanted.errors else 200)


@routes.post("/usage/count", Scope.ANY_SITE, "count_usage", body=CountBody)
def count(call: Call) -> Redirect:
    """Count what was done until now, without waiting for the schedule."""
    wanted = typed(call, call.form)
    for site in wanted.asked.sites:
        count_usage(call.services.usage(), site, call.now)
    return Redirect(f"/usage?{wanted.query}")


@routes.get("/usage/format", Scope.ANY_SITE, "read_usage")
def layout(_call: Call) -> Page:
    """Say what every column and every figure of the files means."""
    return Page("usage/format.html", {"labels": LABELS, "shown": BY_CODE})


def _frame(call: Call, wanted: Typed) -> dict[str, Any]:
    """Return what every page of figures shows around its table."""
    reference = call.services.reference
    sites = {site.finess_geo: site.name for site in reference.sites()}
    return {
        "typed": wanted,
        "period": wanted.asked.period,
        "labels": LABELS,
        "by_code": BY_CODE,
        "names": sites,
        "signatory": lambda rpps: _signatory(call, rpps),
        "today": today(call),
    }


def _signatory(call: Call, rpps: str) -> str:
    known = call.services.reference.practitioner(rpps)
    return f"{known.family} {known.given}" if known else ""


def _choices(call: Call, found: Dashboard) -> dict[str, list[tuple[str, str]]]:
    """Return what may be chosen: the sites one may see, and who signed something in the period."""
    sites = [site for site in call.services.reference.sites() if site.site in found.asked.sites]
    finess = dict.fromkeys([*(site.finess_geo for site in sites), *(axis.finess for axis in found.axes)])
    names = {site.finess_geo: site.name for site in sites}
    rpps = sorted({axis.rpps for axis in found.axes} | ({found.asked.rpps} if found.asked.rpps else set()))
    return {
        "finess": [(each, names.get(each, "")) for each in finess if each],
        "rpps": [(each, _signatory(call, each)) for each in rpps if each],
    }


def _view(wanted: Typed, found: Dashboard) -> UsageView:
    lines = [
        UsageLineView(
            code=line.shown.code,
            label=LABELS[line.shown.code],
            total=line.total,
            qualified=line.qualified,
            unqualified=line.unqualified,
            out_of=line.shown.out_of,
            out_of_total=line.out_of,
            share=None if line.percent is None else str(line.percent),
        )
        for line in found.lines
    ]
    period = wanted.asked.period
    until = found.counted_until.isoformat() if found.counted_until else ""
    return UsageView(first=period.first, last=period.last, counted_until=until, lines=lines)
