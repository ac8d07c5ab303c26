"""The figures as files: CSV, workbook, plot. What they hold is described at /usage/format and in docs/usage.md."""

from __future__ import annotations

from collections.abc import Mapping

from ris.adapters.usage.files import csv_of
from ris.application.usage.dashboard import Dashboard, dashboard
from ris.application.usage.export import rows_of
from ris.portal.answers import Raw
from ris.portal.call import Call
from ris.portal.routing import Routes, Scope
from ris.portal.usage.asked import required

routes = Routes("usage_files")
CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SVG = "image/svg+xml; charset=utf-8"


@routes.get("/usage/indicators.csv", Scope.ANY_SITE, "read_usage")
def table(call: Call) -> Raw:
    """Give the figures as CSV."""
    found = _found(call)
    return Raw(csv_of(rows_of(found)), CSV, headers=_named(found, "csv"))


@routes.get("/usage/indicators.xlsx", Scope.ANY_SITE, "read_usage")
def workbook(call: Call) -> Raw:
    """Give the figures as a workbook."""
    from ris.adapters.usage.workbook import xlsx_of

    found = _found(call)
    return Raw(xlsx_of(rows_of(found), call.now), XLSX, headers=_named(found, "xlsx"))


@routes.get("/usage/indicators.svg", Scope.ANY_SITE, "read_usage")
def plot(call: Call) -> Raw:
    """Give the months as a plot, which runs nothing and loads nothing."""
    from ris.adapters.usage.plot import style_hashes, svg_of

    drawn = svg_of(_found(call))
    policy = f"default-src 'none'; style-src {style_hashes(drawn)}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    return Raw(drawn, SVG, headers={"Content-Security-Policy": policy})


def _found(call: Call) -> Dashboard:
    return dashboard(call.services.usage(), required(call).asked)


def _named(found: Dashboard, kind: str) -> Mapping[str, str]:
    period = found.asked.period
    return {"Content-Disposition": f'attachment; filename="indicateurs-{period.first}-{period.last}.{kind}"'}
