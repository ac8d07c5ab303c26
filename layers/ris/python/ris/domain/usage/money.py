"""What figures are worth: rows of reference data, each dated and with its legal reference; no threshold and no amount is written here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from ris.domain.usage.figures import BY_CODE, Figures


@dataclass(frozen=True)
class Indicator:
    """One indicator of a scheme, as its text has it for a time.

    Args:
        scope: Whose figures count: `practitioner` (each RPPS), `site` (each FINESS), `legal_entity` or `group`.
        numerator: Code of a shown figure, and `denominator`; empty where a number, not a share, is asked.
        first: First day of the window in which figures count, `last` its last.
        threshold: Decimal text: percent when there is a denominator, else a number; empty while no text says it.
        points: Decimal text, and `euros_per_point`; `euros` is a flat amount. Empty: none, or not known.
        requires: Codes of milestones without which nothing is paid.
        confirmed: Whether the text itself was read; else second hand.
    """

    code: str
    scheme: str
    label: str
    scope: str
    numerator: str
    first: str
    last: str
    legal_reference: str
    denominator: str = ""
    threshold: str = ""
    points: str = ""
    euros_per_point: str = ""
    euros: str = ""
    requires: tuple[str, ...] = ()
    confirmed: bool = False
    note: str = ""


@dataclass(frozen=True)
class Milestone:
    """A deadline or a condition of a scheme, and whether the group has met it.

    Args:
        due: Last day, or empty.
        done: Day it was met, or empty.
        legal_entity: FINESS EJ it is about, or empty for the group.
        euros: Decimal text of what is paid with it, or empty.
    """

    code: str
    scheme: str
    label: str
    legal_reference: str
    due: str = ""
    done: str = ""
    legal_entity: str = ""
    euros: str = ""
    confirmed: bool = False
    note: str = ""

    def state(self, today: str) -> str:
        """Return `done`, `late` (past its day), `open`."""
        if self.done:
            return "done"
        return "late" if self.due and self.due < today else "open"


@dataclass(frozen=True)
class Standing:
    """Where somebody stands against an indicator.

    Args:
        share: Percent, or None where there is no denominator or nothing to divide by.
        reached: None while no threshold is known.
        missing: Codes of required milestones that are not met.
        euros: What it is worth once reached, or None when no text says it; `earned` what it is worth now.
    """

    indicator: Indicator
    who: str
    numerator: int
    denominator: int | None
    share: Decimal | None
    reached: bool | None
    missing: tuple[str, ...]
    euros: Decimal | None
    earned: Decimal | None


def standing(indicator: Indicator, who: str, figures: Figures, milestones: Iterable[Milestone]) -> Standing:
    """Return where somebody stands: the threshold is compared, and the amount counts only where every condition is met.

    Args:
        indicator: As loaded.
        who: RPPS, FINESS or empty, as its scope says.
        figures: Theirs, of the indicator's window.
        milestones: All of them.
    """
    number = BY_CODE[indicator.numerator].total(figures)
    out_of = BY_CODE[indicator.denominator].total(figures) if indicator.denominator else None
    share = percent(number, out_of) if out_of else None
    measured = share if indicator.denominator else Decimal(number)
    reached = None if not indicator.threshold else measured is not None and measured >= Decimal(indicator.threshold)
    met = {one.code for one in milestones if one.done}
    missing = tuple(code for code in indicator.requires if code not in met)
    worth = _worth(indicator)
    earned = None if worth is None or reached is None else worth if reached and not missing else Decimal(0)
    return Standing(indicator, who, number, out_of, share, reached, missing, worth, earned)


def percent(number: int, out_of: int) -> Decimal:
    """Return a share in percent, exact to what a Decimal holds; `shown_percent` rounds it for reading."""
    return Decimal(100) * number / out_of


def scoped(indicators: Iterable[Indicator], today: str, wanted: Callable[[Indicator], bool]) -> list[Indicator]:
    """Return those whose window has begun, the latest window first."""
    begun = [one for one in indicators if one.first <= today and wanted(one)]
    return sorted(begun, key=lambda one: (one.last, one.first), reverse=True)


def _worth(indicator: Indicator) -> Decimal | None:
    if indicator.euros:
        return Decimal(indicator.euros)
    if indicator.points and indicator.euros_per_point:
        return Decimal(indicator.points) * Decimal(indicator.euros_per_point)
    return None
