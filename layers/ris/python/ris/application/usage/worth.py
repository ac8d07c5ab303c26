"""Where the group stands against the thresholds of a year: each indicator over its own window, for whom its text says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from ris.application.usage.dashboard import Asked, Dashboard, dashboard
from ris.application.usage.ports import UsageServices
from ris.domain.usage.figures import Figures
from ris.domain.usage.money import Indicator, Standing, standing
from ris.domain.usage.period import Period


def standings(s: UsageServices, sites: tuple[str, ...], year: int) -> list[tuple[Indicator, list[Standing]]]:
    """Return every indicator whose window meets the year, in the file's order, and where each one it is about stands.

    Args:
        s: The ports.
        sites: Those the reader may see: only their figures count.
        year: Civil year.
    """
    begins, ends = f"{year}-01-01", f"{year}-12-31"
    rows = [one for one in s.reference.indicators() if one.first <= ends and one.last >= begins]
    milestones = s.reference.milestones()
    found: dict[Period, Dashboard] = {}
    listed = []
    for indicator in rows:
        window = Period(indicator.first, indicator.last)
        if window not in found:
            found[window] = dashboard(s, Asked(sites, window))
        figures = _whose(s, indicator, found[window], sites)
        listed.append((indicator, [standing(indicator, who, theirs, milestones) for who, theirs in sorted(figures.items())]))
    return listed


def _whose(s: UsageServices, indicator: Indicator, found: Dashboard, sites: tuple[str, ...]) -> Mapping[str, Figures]:
    """Return the figures of everybody an indicator is about: those who have none stand at zero, where they are known."""
    entities = {site.finess_geo: site.legal_entity for site in s.reference.sites() if site.site in sites}
    known = {"site": list(entities), "legal_entity": list(entities.values()), "group": [""]}.get(indicator.scope, [])
    figures: dict[str, Figures] = defaultdict(Counter, {who: Counter() for who in known})
    for axes in found.months.values():
        for axis, theirs in axes.items():
            who = {
                "practitioner": axis.rpps,
                "site": axis.finess,
                "legal_entity": entities.get(axis.finess, ""),
            }.get(indicator.scope, "")
            figures[who].update(theirs)
    return figures
