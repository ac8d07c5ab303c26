"""The figures that are kept, by name, and what of them a dashboard shows (TBB.01, TBB.02, TBB.03).

A report is the set of versions of one exam, and an exam (one Accession Number) is one file: each counts once in a figure, on the day it
first came to count, under the FINESS and the signatory's RPPS of what made it count. Figures of days add up to those of any period.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from ris.domain.dispatch.channels import DMP, MSS_PATIENT, MSS_PROFESSIONAL

CHANNELS = {DMP: "dmp", MSS_PROFESSIONAL: "professional", MSS_PATIENT: "patient"}
"""Channel of a row to its name in figures."""
ALL_THREE = "files_all"
PROMPT = {"dmp_1h": timedelta(hours=1), "dmp_24h": timedelta(hours=24)}
"""Figure of the files that were in the DMP so soon after the validation of the version that made them count."""
QUALIFIED, UNQUALIFIED = ".qualified", ".unqualified"

Figures = Counter[str]
"""Name to number; a name that is absent is 0."""


@dataclass(frozen=True, order=True)
class Axis:
    """Whose figures: FINESS of the site, RPPS of the signatory."""

    finess: str
    rpps: str


@dataclass(frozen=True)
class Shown:
    """One line of the dashboard.

    Args:
        code: Its name in files, addresses and thresholds.
        figure: What is counted; a split one is kept in two figures, by whether the identity was qualified.
        out_of: Code of what it is a share of, or empty.
        requirement: Of the Segur list, or empty.
    """

    code: str
    figure: str
    split: bool = False
    out_of: str = ""
    requirement: str = ""

    @property
    def figures(self) -> tuple[str, ...]:
        """Return the names of the kept figures that it is the sum of."""
        return (self.figure + QUALIFIED, self.figure + UNQUALIFIED) if self.split else (self.figure,)

    def total(self, kept: Figures) -> int:
        """Return its number."""
        return sum(kept[name] for name in self.figures)


SHOWN = (
    Shown("validated", "validated", split=True, requirement="TBB.01"),
    Shown("dmp", "dmp", split=True, out_of="due_dmp", requirement="TBB.01"),
    Shown("professional", "professional", split=True, out_of="due_professional", requirement="TBB.01"),
    Shown("patient", "patient", split=True, out_of="due_patient", requirement="TBB.01"),
    Shown("files_dmp", "dmp", split=True, out_of="validated", requirement="TBB.01"),
    Shown("files_professional", "professional", split=True, out_of="validated", requirement="TBB.01"),
    Shown("files_patient", "patient", split=True, out_of="validated", requirement="TBB.01"),
    Shown("files_all", ALL_THREE, split=True, out_of="validated", requirement="TBB.01"),
    Shown("dmp_1h", "dmp_1h", out_of="dmp"),
    Shown("dmp_24h", "dmp_24h", out_of="dmp"),
    Shown("failed_dmp", "failed_dmp", requirement="TBB.03"),
    Shown("failed_professional", "failed_professional", requirement="TBB.03"),
    Shown("failed_patient", "failed_patient", requirement="TBB.03"),
    Shown("due_dmp", "due_dmp", out_of="validated"),
    Shown("due_professional", "due_professional", out_of="validated"),
    Shown("due_patient", "due_patient", out_of="validated"),
    Shown("masked", "mark_masked_to_professionals", out_of="validated", requirement="TBB.02"),
    Shown("announcement", "mark_announcement_pending", out_of="validated", requirement="TBB.02"),
    Shown("withheld", "mark_withheld", out_of="validated", requirement="TBB.02"),
    Shown("opposed", "opposed", out_of="validated", requirement="TBB.02"),
    Shown("refused_professional", "refused_professional", out_of="validated", requirement="TBB.02"),
    Shown("refused_patient", "refused_patient", out_of="validated", requirement="TBB.02"),
    Shown("no_identity", "no_identity", out_of="validated", requirement="TBB.02"),
    Shown("paper", "paper", out_of="validated"),
)
"""The dashboard, in its order."""

BY_CODE = {each.code: each for each in SHOWN}


def summed(many: Iterable[Figures]) -> Figures:
    """Return the sum; what cancels out is left out."""
    total: Figures = Counter()
    for one in many:
        total.update(one)
    return Counter({name: number for name, number in total.items() if number})
