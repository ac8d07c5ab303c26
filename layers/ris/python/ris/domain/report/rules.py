"""What a report must be before it is validated. Pure, so that the portal says it at once and the machine says it again.

Each rule names the field as its writer sees it: `title`, `sections`, or the heading of a section.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from ris.domain.access.session import Account
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.errors import InvalidInput, Refused
from ris.domain.report.characters import DRAWN, drawable, mended
from ris.domain.report.frozen import Section

TITLE_MAXIMUM = 128
TITLE_SAVED_MAXIMUM = 1_000
TEXT_MAXIMUM = 200_000
"""Characters of all sections together: some sixty pages."""
SECTIONS_MAXIMUM = 40
HEADING_MAXIMUM = 120
RECIPIENTS_MAXIMUM = 20
_PERFORMED = (ExamState.IN_PROGRESS, ExamState.COMPLETED, ExamState.DISCONTINUED)


@dataclass(frozen=True)
class Problem:
    """One rule that the text breaks."""

    code: str
    field: str
    detail: str = ""


def one_line(text: str) -> str:
    """Return a title or heading on one line."""
    return " ".join(text.split())


def says(text: str) -> bool:
    """Tell whether a reader would see anything of a text: spaces, invisible characters and lone marks say nothing."""
    return any(unicodedata.category(character)[0] not in "ZCM" for character in text)


def clean_section(section: Section) -> Section:
    """Return a section as it is printed.

    Raises:
        InvalidInput: `character_not_drawable` naming the section.
    """
    field = one_line(section.heading)[:HEADING_MAXIMUM] or "heading"
    heading = drawable(one_line(mended(section.heading)), DRAWN, field=field)
    return Section(heading, drawable(mended(section.text), DRAWN, field=heading).strip("\n"))


def clean_title(title: str) -> str:
    """Return the title as it is printed.

    Raises:
        InvalidInput: `character_not_drawable`.
    """
    return drawable(one_line(mended(title)), DRAWN, field="title")


def problems_of(title: str, sections: tuple[Section, ...]) -> tuple[Problem, ...]:
    """Return everything that keeps this text from being validated, in reading order; empty when nothing does."""
    return (*_of_title(title), *_of_sections(sections))


def _of_title(title: str) -> Iterator[Problem]:
    try:
        cleaned = clean_title(title)
    except InvalidInput as error:
        yield Problem(error.code, error.field, error.detail)
        return
    if not says(cleaned):
        yield Problem("title_missing", "title")
    if len(cleaned) > TITLE_MAXIMUM:
        yield Problem("title_too_long", "title", f"at most {TITLE_MAXIMUM} characters")


def _of_sections(sections: tuple[Section, ...]) -> Iterator[Problem]:
    yield from size_problems(sections)
    for section in sections:
        if says(section.text) and not says(section.heading):
            yield Problem("heading_missing", "sections")
        try:
            clean_section(section)
        except InvalidInput as error:
            yield Problem(error.code, error.field, error.detail)
    if not any(_concludes(section) for section in sections):
        yield Problem("conclusion_missing", "Conclusion")


def size_problems(sections: tuple[Section, ...]) -> Iterator[Problem]:
    """Yield what makes a text too big even to be kept."""
    if sum(len(section.text) for section in sections) > TEXT_MAXIMUM:
        yield Problem("report_too_long", "sections", f"at most {TEXT_MAXIMUM} characters")
    if len(sections) > SECTIONS_MAXIMUM:
        yield Problem("too_many_sections", "sections", f"at most {SECTIONS_MAXIMUM}")
    for section in sections:
        if len(one_line(section.heading)) > HEADING_MAXIMUM:
            yield Problem("heading_too_long", one_line(section.heading)[:40], f"at most {HEADING_MAXIMUM} characters")


def _concludes(section: Section) -> bool:
    """Say whether it is a conclusion that says something."""
    plain = "".join(c for c in unicodedata.normalize("NFD", section.heading) if not unicodedata.combining(c))
    return plain.strip().casefold().startswith("conclusion") and says(section.text)


def require_validator(account: Account | None, site: str) -> Account:
    """Return the account that may validate at a site.

    Raises:
        Refused: `validator_not_radiologist`, `validator_without_rpps`.
    """
    if account is None or "radiologist" not in account.roles.get(site, frozenset()):
        raise Refused("validator_not_radiologist", field="validator")
    if not (len(account.rpps) == 11 and account.rpps.isdigit()):
        raise Refused("validator_without_rpps", field="validator")
    return account


def require_performed(exam: Exam, now: datetime) -> None:
    """Refuse a report of what did not take place; an exam without MPPS counts from its appointment on.

    Raises:
        Refused: `exam_not_performed`.
    """
    begun = exam.state is ExamState.BOOKED and exam.appointment.start <= now
    if exam.state not in _PERFORMED and not begun:
        raise Refused("exam_not_performed", field="exam")
