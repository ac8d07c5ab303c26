"""From facts to figures: what each fact changed, on its day, for one file; everything else is sums of that.

A file's figures at an instant are a function of its facts until then (`_Standing`). An entry is the difference that one day made: +1
on the day a file came to count, -1 on the day it ceased to, under the FINESS and RPPS of the +1. So entries of days add up to months,
months to years, and a day that is over never changes.

| a file counts in | while |
|---|---|
| `dmp`, `professional`, `patient`, `paper` | one row of that channel is taken, of any version and recipient; deletions take nothing back |
| `files_all` | the first three do |
| `failed_…` | for each recipient whose latest version failed, and who got neither it nor a later one |
| `dmp_1h`, `dmp_24h` | it counts in `dmp`, and what made it count came so soon after the validation of that version |
| `validated` | it has a valid version |
| `due_…` | one of its versions was planned to leave by that channel, in the DMP once the identity is qualified |
| marks, refusals | one of its versions was made so |

*Qualified* is the status of the version that made it count.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ris.domain.dispatch.channels import DMP, TO_PRINT
from ris.domain.dispatch.delivery import DELETE
from ris.domain.usage.facts import FAILED, TAKEN, VALIDATED, UsageFact
from ris.domain.usage.figures import ALL_THREE, CHANNELS, PROMPT, QUALIFIED, UNQUALIFIED, Axis, Figures

_PAPER = {TO_PRINT: "paper"}
_SPLIT = frozenset({*CHANNELS.values(), ALL_THREE, "validated"})
_REASONS = {
    "dmp:withdrawn:opposition": "opposed",
    "dmp:held:identity": "no_identity",
    "mss_professional:withdrawn:refusal": "refused_professional",
    "mss_patient:withdrawn:refusal": "refused_patient",
}


@dataclass(frozen=True, order=True)
class Entry:
    """What one day changed for one file.

    Args:
        day: Civil day of the site.
        figures: Name and difference, in order of names; no zero.
    """

    day: str
    accession_number: str
    axis: Axis
    figures: tuple[tuple[str, int], ...]


def entries_of(facts: Iterable[UsageFact], days: Collection[str], site: str) -> list[Entry]:
    """Return what each of these days changed, file by file.

    Args:
        facts: Every fact of the files concerned until the last of the days, of earlier days too, in any order.
        days: Civil days of the site; what other days changed is left out.
        site: Whose days; a fact of another site is history, and another site's entry.
    """
    files: dict[str, list[UsageFact]] = defaultdict(list)
    for fact in facts:
        files[fact.accession_number].append(fact)
    found: list[Entry] = []
    for accession, of_file in files.items():
        found += _entries_of_file(accession, of_file, frozenset(days), site)
    return sorted(found)


def known_whole(facts: Iterable[UsageFact]) -> frozenset[str]:
    """Return the files whose first validation is among the facts: nothing of theirs can be older."""
    return frozenset(fact.accession_number for fact in facts if fact.kind == VALIDATED and fact.report_version == 1)


def figures_of(entries: Iterable[Entry]) -> dict[str, dict[Axis, Figures]]:
    """Return the figures of each day and axis."""
    days: dict[str, dict[Axis, Figures]] = defaultdict(lambda: defaultdict(Counter))
    for entry in entries:
        days[entry.day][entry.axis].update(dict(entry.figures))
    return {day: dict(axes) for day, axes in days.items()}


def _entries_of_file(accession: str, facts: list[UsageFact], days: frozenset[str], site: str) -> Iterable[Entry]:
    standing = _Standing()
    changed: dict[tuple[str, Axis], Figures] = defaultdict(Counter)
    for fact in sorted(facts, key=lambda one: (one.at, one.fact_id)):
        for name, axis, difference in standing.apply(fact):
            if fact.day in days and fact.site == site:
                changed[(fact.day, axis)][name] += difference
    for (day, axis), figures in changed.items():
        left = tuple(sorted((name, number) for name, number in figures.items() if number))
        if left:
            yield Entry(day, accession, axis, left)


@dataclass
class _Standing:
    """A file as its facts so far made it."""

    taken: set[tuple[str, str, int]] = field(default_factory=set)
    failed: set[tuple[str, str, int]] = field(default_factory=set)
    sticky: set[str] = field(default_factory=set)
    validated_at: dict[int, datetime] = field(default_factory=dict)
    prompt: frozenset[str] = frozenset()
    counting: dict[tuple[str, str], tuple[str, Axis]] = field(default_factory=dict)

    def apply(self, fact: UsageFact) -> Iterable[tuple[str, Axis, int]]:
        """Take one fact in, and return the differences it makes: figure, axis, +1 or -1."""
        if fact.operation == DELETE:
            return
        self._take_in(fact)
        now = self._counts()
        for place in sorted(self.counting.keys() - now):
            name, axis = self.counting.pop(place)
            yield name, axis, -1
        for figure, recipient in sorted(now - self.counting.keys()):
            name = figure + (QUALIFIED if fact.qualified else UNQUALIFIED) if figure in _SPLIT else figure
            axis = Axis(fact.finess_geo, fact.author)
            self.counting[(figure, recipient)] = (name, axis)
            yield name, axis, 1

    def _take_in(self, fact: UsageFact) -> None:
        if fact.kind == VALIDATED:
            self.sticky |= {"validated", *planned_figures(fact)}
            self.validated_at.setdefault(fact.report_version, fact.at)
            return
        before = self._in_the_dmp()
        rows = {TAKEN: self.taken, FAILED: self.failed}[fact.kind]
        place = (fact.channel, fact.recipient, fact.report_version)
        (rows.add if fact.value > 0 else rows.discard)(place)
        if before != self._in_the_dmp():
            self.prompt = frozenset() if before else self._prompt(fact)

    def _in_the_dmp(self) -> bool:
        return any(channel == DMP for channel, _, _ in self.taken)

    def _prompt(self, fact: UsageFact) -> frozenset[str]:
        validated_at = self.validated_at.get(fact.report_version)
        return frozenset(name for name, within in PROMPT.items() if validated_at and fact.at - validated_at <= within)

    def _counts(self) -> set[tuple[str, str]]:
        """Return the figures in which the file counts now, each once, failures once for each recipient."""
        names: Mapping[str, str] = {**CHANNELS, **_PAPER}
        found = {(names[channel], "") for channel, _, _ in self.taken if channel in names}
        if {(name, "") for name in CHANNELS.values()} <= found:
            found.add((ALL_THREE, ""))
        for channel, recipient, version in self.failed:
            if channel in CHANNELS and version > self._latest_taken(channel, recipient):
                found.add((f"failed_{CHANNELS[channel]}", recipient))
        return found | {(name, "") for name in self.sticky | self.prompt}

    def _latest_taken(self, channel: str, recipient: str) -> int:
        """Return the latest version a recipient got; a professional's paper stands for the mail."""
        same = {channel} if channel == DMP else {channel, TO_PRINT}
        return max((version for by, to, version in self.taken if by in same and to == recipient), default=0)


def planned_figures(fact: UsageFact) -> frozenset[str]:
    """Return what a validation says of the plan: where the version was to leave, and what kept it from leaving."""
    found = {f"mark_{mark}" for mark in fact.marks}
    for text in fact.plan:
        channel, state, reason = text.split(":", 2)
        if channel in CHANNELS and _due(channel, state, reason):
            found.add(f"due_{CHANNELS[channel]}")
        if text in _REASONS:
            found.add(_REASONS[text])
    return frozenset(found)


def _due(channel: str, state: str, reason: str) -> bool:
    """Say whether a planned row is one that a rate is measured against: it leaves, or in the DMP it waits for an identity alone."""
    return state in ("pending", "delegated") or (channel, state, reason) == (DMP, "held", "identity")
