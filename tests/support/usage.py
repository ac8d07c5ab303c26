"""Usage made up: facts as years of work would leave them, and a recount that shares nothing with the product's."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

from ris.adapters.reference.files import read_folder
from ris.application.reference import ReferenceData
from ris.domain.dispatch.delivery import Origin
from ris.domain.usage.facts import FAILED, TAKEN, UsageFact, validation

PARIS = ZoneInfo("Europe/Paris")
FINESS = {"nord": "630999100", "sud": "630999209"}
SIGNATORIES = ("89990001234", "89990005678", "89990009012")
REQUESTERS = ("99900012345", "99900054321")
WAYS = ("dmp", "mss_professional", "mss_patient")
NAMES = {"dmp": "dmp", "mss_professional": "professional", "mss_patient": "patient"}


@cache
def reference() -> ReferenceData:
    """Return the demo group's reference data, as the demo loads it."""
    return read_folder(Path(__file__).parents[2] / "infra/local/demo/reference")


def fact(accession: str, at: datetime, **said: object) -> UsageFact:
    """Return one fact of a report of `nord`, taken by the DMP unless said otherwise."""
    site = str(said.pop("site", "nord"))
    origin = Origin(
        "Europe/Paris", "630999001", FINESS[site], str(said.pop("author", SIGNATORIES[0])), bool(said.pop("qualified", True))
    )
    version = int(str(said.pop("report_version", 1)))
    plan = tuple(said.pop("plan", ()))  # type: ignore[call-overload]
    made = validation(
        accession, site, version, f"2.25.{accession}{version}", origin, at, plan=plan, marks=tuple(said.pop("marks", ()))
    )  # type: ignore[call-overload]
    kind = str(said.pop("kind", TAKEN))
    if kind == "validated":
        return replace(made, fact_id=_number(), **said)  # type: ignore[arg-type]
    row = {"channel": "dmp", "recipient": "DMP", "who_sends": "ours", "fact_id": _number(), **said}
    return replace(made, kind=kind, **row)  # type: ignore[arg-type]


_NUMBERS = count(1)


def _number() -> str:
    return f"{next(_NUMBERS):032x}"


def years(seed: int, reports: int, first: datetime, months: int) -> list[UsageFact]:
    """Return the facts of so many reports over so many months: versions, second recipients, failures, bounces, retries, deletions."""
    chance = random.Random(seed)
    span = timedelta(days=months * 30)
    facts: list[UsageFact] = []
    for number in range(reports):
        facts += _of_one(f"26{number:09d}", chance, first + span * chance.random())
    return facts


def _of_one(accession: str, chance: random.Random, at: datetime) -> Iterable[UsageFact]:
    site, qualified = chance.choice(sorted(FINESS)), chance.random() < 0.7
    for version in range(1, chance.choice((1, 1, 1, 2, 2, 3)) + 1):
        said = {
            "site": site,
            "report_version": version,
            "qualified": qualified,
            "author": chance.choice(SIGNATORIES),
        }
        yield fact(accession, at, kind="validated", plan=_plan(chance, qualified=qualified), **said)
        for channel in WAYS:
            for recipient in _recipients(channel, chance):
                yield from _of_a_row(accession, chance, at, {**said, "channel": channel, "recipient": recipient})
        if chance.random() < 0.05:
            yield fact(accession, at + timedelta(hours=2), channel="dmp", recipient="DMP", operation="delete", **said)
        at += timedelta(days=chance.random() * 60)
        qualified = qualified or chance.random() < 0.5


def _plan(chance: random.Random, *, qualified: bool) -> tuple[str, ...]:
    dmp = chance.choice(("dmp:pending:", "dmp:pending:", "dmp:withdrawn:opposition", "dmp:held:withheld"))
    patient = chance.choice(("mss_patient:pending:", "mss_patient:withdrawn:refusal", "mss_patient:held:announcement"))
    return (
        dmp if qualified else "dmp:held:identity",
        chance.choice(("mss_professional:pending:", "to_print:held:to_print", "mss_professional:withdrawn:refusal")),
        patient if qualified else "mss_patient:held:identity",
    )


def _recipients(channel: str, chance: random.Random) -> tuple[str, ...]:
    if channel == "mss_professional":
        return REQUESTERS[: chance.choice((0, 1, 1, 2))]
    return ("PATIENT" if channel == "mss_patient" else "DMP",) if chance.random() < 0.8 else ()


def _of_a_row(accession: str, chance: random.Random, at: datetime, said: dict[str, object]) -> Iterable[UsageFact]:
    """Return what may become of a row: taken, failed, recovered, bounced, sent again, days or months apart."""
    taken = failed = False
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at += timedelta(minutes=chance.choice((1, 7, 600, 3_000, 60_000)), seconds=chance.randrange(60))
        if taken:
            yield fact(accession, at, value=-1, **said)
            yield fact(accession, at, kind=FAILED, **said)
            taken, failed = False, True
        elif chance.random() < 0.2 and not failed:
            yield fact(accession, at, kind=FAILED, **said)
            failed = True
        else:
            yield fact(accession, at, **said)
            taken = True
            if failed:
                yield fact(accession, at, kind=FAILED, value=-1, **said)
            failed = False


def recounted(facts: Iterable[UsageFact], site: str, first: str, last: str) -> Counter[tuple[str, str, str]]:
    """Count a period by brute force: (figure, FINESS, RPPS) to number.

    For each report and figure it looks at every prefix of the report's facts, and takes the difference between those of before the
    period and those until its end.
    """
    by_report: dict[str, list[UsageFact]] = defaultdict(list)
    for one in facts:
        if one.site == site and one.operation != "delete":
            by_report[one.accession_number].append(one)
    total: Counter[tuple[str, str, str]] = Counter()
    for of_one in by_report.values():
        of_one.sort(key=lambda each: (each.at, each.fact_id))
        total.update(_stands_at(of_one, last))
        total.subtract(_stands_at(of_one, (datetime.fromisoformat(first) - timedelta(days=1)).date().isoformat()))
    return Counter({key: number for key, number in total.items() if number})


def _stands_at(facts: list[UsageFact], day: str) -> Counter[tuple[str, str, str]]:
    """Return the figures of one report at the end of a day, each under the fact that began its present run."""
    found: Counter[tuple[str, str, str]] = Counter()
    until = [one for one in facts if one.day <= day]
    for figure in _figures(until):
        began = next(until[number] for number in range(len(until) - 1, -1, -1) if number == 0 or not _holds(until[:number], figure))
        name = figure.partition("@")[0]
        split = name in (*NAMES.values(), "files_all", "validated")
        suffix = (".qualified" if began.qualified else ".unqualified") if split else ""
        found[(name + suffix, began.finess_geo, began.author)] += 1
    return found


def _figures(facts: list[UsageFact]) -> list[str]:
    channels = {one.channel for one in facts}
    names = [*NAMES.values(), "files_all", "validated", "paper", "due_dmp", "due_professional", "due_patient", "dmp_1h", "dmp_24h"]
    names += ["opposed", "no_identity", "refused_professional", "refused_patient"]
    names += [f"mark_{mark}" for mark in sorted({mark for one in facts for mark in one.marks})]
    names += [f"failed_{NAMES[way]}@{to}" for way in WAYS if way in channels for to in sorted({f.recipient for f in facts})]
    return [name for name in names if _holds(facts, name)]


def _holds(facts: list[UsageFact], figure: str) -> bool:
    name, _, recipient = figure.partition("@")
    if name == "files_all":
        return all(_holds(facts, each) for each in NAMES.values())
    if name in ("dmp_1h", "dmp_24h"):
        return _holds(facts, "dmp") and _waited(facts) <= timedelta(hours=int(name[4:-1]))
    ways = {short: way for way, short in NAMES.items()} | {"paper": "to_print"}
    if name in ways:
        versions = {(f.recipient, f.report_version) for f in facts if (f.kind, f.channel) == (TAKEN, ways[name])}
        return any(_sum(facts, TAKEN, ways[name], *each) == 1 for each in versions)
    if name.startswith("failed_"):
        way = ways[name.removeprefix("failed_")]
        got = [TAKEN, way] if way == "dmp" else [TAKEN, way, "to_print"]
        mine = {f.report_version for f in facts if f.recipient == recipient}
        failing = [v for v in mine if _sum(facts, FAILED, way, recipient, v) == 1]
        taken = [v for v in mine for by in got[1:] if _sum(facts, TAKEN, by, recipient, v) == 1]
        return bool(failing) and max(failing) > max(taken, default=0)
    valid = [f for f in facts if f.kind == "validated"]
    if name == "validated":
        return bool(valid)
    if name.startswith("mark_"):
        return any(name.removeprefix("mark_") in f.marks for f in valid)
    wanted = {
        "due_dmp": ("dmp:pending:", "dmp:delegated:", "dmp:held:identity"),
        "due_professional": ("mss_professional:pending:", "mss_professional:delegated:"),
        "due_patient": ("mss_patient:pending:", "mss_patient:delegated:"),
        "opposed": ("dmp:withdrawn:opposition",),
        "no_identity": ("dmp:held:identity",),
        "refused_professional": ("mss_professional:withdrawn:refusal",),
        "refused_patient": ("mss_patient:withdrawn:refusal",),
    }[name]
    return any(text in wanted for f in valid for text in f.plan)


def _waited(facts: list[UsageFact]) -> timedelta:
    """Return from the validation of a version until it began the present run in the DMP."""
    began = max(n for n in range(len(facts)) if _holds(facts[: n + 1], "dmp") and not _holds(facts[:n], "dmp"))
    valid = [f.at for f in facts[:began] if (f.kind, f.report_version) == ("validated", facts[began].report_version)]
    return facts[began].at - min(valid) if valid else timedelta.max


def _sum(facts: list[UsageFact], kind: str, channel: str, recipient: str, version: int) -> int:
    return sum(f.value for f in facts if (f.kind, f.channel, f.recipient, f.report_version) == (kind, channel, recipient, version))


def noon(year: int, month: int, day: int) -> datetime:
    """Return noon of a civil day in Paris."""
    return datetime(year, month, day, 12, tzinfo=PARIS).astimezone(UTC)
