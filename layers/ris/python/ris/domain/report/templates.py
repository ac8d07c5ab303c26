"""What a report begins with, and what is put into it by one click: data of the reference, by exam, modality and radiologist.

A section whose heading begins with *Conclusion* is what validation asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from ris.domain.report.frozen import Section

INDICATION, TECHNIQUE, RESULTS, CONCLUSION = "Indication", "Technique", "Résultats", "Conclusion"
STANDARD: Final = tuple(Section(each, "") for each in (INDICATION, TECHNIQUE, RESULTS, CONCLUSION))
"""What a report begins with where the reference has no template for it."""


@dataclass(frozen=True)
class Template:
    """Sections as a report of some exams begins with them.

    Args:
        template_id: Ours, URL-safe.
        name: As its reader chooses it.
        sections: Heading and beginning of the text, in order.
        exam_code: Only for this exam of the catalogue; empty for any.
        dicom_modality: Only for this modality; empty for any.
        account_id: Only for this radiologist; empty for everybody.
        opens: Whether an empty report may open with it; one that says a result already is put in by whoever chooses it.
    """

    template_id: str
    name: str
    sections: tuple[tuple[str, str], ...]
    exam_code: str = ""
    dicom_modality: str = ""
    account_id: str = ""
    opens: bool = True


@dataclass(frozen=True)
class Macro:
    """Words put into a section by one click.

    Args:
        macro_id: Ours, URL-safe.
        label: As its reader chooses it.
        text: What is put behind what stands there.
        heading: Only in the section that begins with this; empty for any.
        exam_code: As of a template; so are `dicom_modality` and `account_id`.
    """

    macro_id: str
    label: str
    text: str
    heading: str = ""
    exam_code: str = ""
    dicom_modality: str = ""
    account_id: str = ""

    def fits(self, heading: str) -> bool:
        """Say whether it is offered beside a section."""
        return heading.strip().casefold().startswith(self.heading.casefold())


Row = TypeVar("Row", Template, Macro)


def for_exam(rows: Iterable[Row], *, exam_code: str, dicom_modality: str, account_id: str) -> tuple[Row, ...]:
    """Return those made for this exam and reader, the closest first: one's own before everybody's, then exam before modality.

    Args:
        rows: Of the reference, in their file's order.
        exam_code: Of the exam.
        dicom_modality: Of the exam.
        account_id: Of who writes.
    """
    asked = (account_id, exam_code, dicom_modality)

    def places(row: Row) -> tuple[str, str, str]:
        return row.account_id, row.exam_code, row.dicom_modality

    fitting = [row for row in rows if all(wanted in ("", given) for wanted, given in zip(places(row), asked, strict=True))]
    return tuple(sorted(fitting, key=lambda row: tuple(not place for place in places(row))))


def opened_with(template: Template | None, reason: str = "") -> tuple[Section, ...]:
    """Return the sections an empty report opens with.

    Args:
        template: Or None for the standard headings.
        reason: Why the exam was asked for, as the order says: the beginning of an indication that says nothing yet.
    """
    sections = tuple(Section(*each) for each in template.sections) if template else STANDARD
    return tuple(replace(each, text=reason) if _same(each.heading, INDICATION) and not each.text else each for each in sections)


def filled_from(sections: Sequence[Section], template: Template) -> tuple[Section, ...]:
    """Return a text with what a template adds: it begins empty sections and brings those that are missing; nothing typed is changed."""
    given = [Section(*each) for each in template.sections]
    begun = {each.heading.strip().casefold(): each.text for each in given}
    kept = [
        each if each.text.strip() else replace(each, text=begun.get(each.heading.strip().casefold(), each.text))
        for each in sections
    ]
    missing = [each for each in given if not any(_same(each.heading, one.heading) for one in kept)]
    end = next((rank for rank, each in enumerate(kept) if each.heading.strip().casefold().startswith("conclusion")), len(kept))
    return (*kept[:end], *missing, *kept[end:])


def with_macro(sections: Sequence[Section], rank: int, macro: Macro) -> tuple[Section, ...]:
    """Return a text with the macro's words behind what one section says.

    Args:
        sections: Of the text.
        rank: Of the section, from 0; another changes nothing.
        macro: What is put there.
    """
    return tuple(
        replace(each, text=_joined(each.text, macro.text)) if place == rank else each for place, each in enumerate(sections)
    )


def _joined(before: str, more: str) -> str:
    return f"{before.rstrip()}\n{more}" if before.strip() else more


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
