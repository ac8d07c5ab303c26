"""The editor's form: what was typed, as it was typed, and which field a rule's word is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ris.contracts.portal import ReportBody
from ris.domain.report.draft import Draft
from ris.domain.report.frozen import Section
from ris.domain.report.marks import Marks
from ris.domain.report.rules import Problem, one_line, says
from ris.portal.call import Call
from ris.portal.forms import FormErrors

MOST_SECTIONS = 40
MARKS = ("marks", "announcement_pending", "withheld", "masked_to_professionals", "hidden_from_representatives")
"""Fields of the form: that the marks were shown, and each of them."""
_NUMBERED = re.compile(r"(?:heading|text)-(\d{1,2})", re.ASCII)
_APART = re.compile(r"[\s,;]+")


@dataclass(frozen=True)
class Typed:
    """The text of the form.

    Args:
        rev: Revision it was written on.
        recipients: As typed, apart by spaces.
        marks: Who may see it, or None when the form did not show that.
    """

    rev: int
    title: str
    sections: tuple[Section, ...]
    recipients: str = ""
    marks: Marks | None = None

    @property
    def rpps(self) -> tuple[str, ...]:
        """Return the recipients, each once."""
        return tuple(dict.fromkeys(each for each in _APART.split(self.recipients) if each))

    @property
    def kept(self) -> tuple[Section, ...]:
        """Return the sections worth keeping: a last one without heading and text was only offered."""
        sections = list(self.sections)
        while sections and not sections[-1].heading.strip() and not sections[-1].text.strip():
            sections.pop()
        return tuple(sections)


def typed_of(call: Call) -> Typed:
    """Return what the call's form holds; see `typed_in`."""
    return typed_in(call.form)


def typed_in(form: Mapping[str, str]) -> Typed:
    """Return what a form holds; nothing of a text is changed but its line ends.

    Raises:
        FormErrors: The revision, or the list of recipients, is not what a form of ours sends.
    """
    try:
        body = ReportBody.model_validate({name: form[name] for name in ("rev", "recipients", "on", *MARKS) if name in form})
    except ValueError:
        raise FormErrors({"rev": "field_malformed"}) from None
    ranks = sorted({int(found[1]) for name in form if (found := _NUMBERED.fullmatch(name))})[:MOST_SECTIONS]
    sections = tuple(Section(_lines(form.get(f"heading-{rank}", "")), _lines(form.get(f"text-{rank}", ""))) for rank in ranks)
    marks = Marks(**{name: getattr(body, name) == "1" for name in MARKS[1:]}) if body.marks == "1" else None
    return Typed(int(body.rev), _lines(form.get("title", "")), sections, body.recipients, marks)


def typed_from(draft: Draft) -> Typed:
    """Return a draft as the form shows it."""
    return Typed(draft.rev, draft.title, draft.sections, " ".join(draft.recipients), draft.marks)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@dataclass(frozen=True)
class Fault:
    """One rule that the text, or a fact behind it, breaks.

    Args:
        field: Name of the form's field it stands beside, or empty: then above the form.
        place: The field as the rule names it.
        detail: What the rule adds, for instance a code point.
    """

    code: str
    field: str
    place: str = ""
    detail: str = ""


def fault_of(problem: Problem, sections: Iterable[Section]) -> Fault:
    """Return the fault beside the field it is about."""
    return Fault(problem.code, _field(problem, tuple(sections)), problem.field, problem.detail)


def _field(problem: Problem, sections: tuple[Section, ...]) -> str:
    if problem.field in ("title", "recipients", "note"):
        return problem.field
    if problem.code == "heading_missing":
        return next((f"heading-{rank}" for rank, one in enumerate(sections) if says(one.text) and not says(one.heading)), "")
    if problem.code == "conclusion_missing":
        ranks = [rank for rank, one in enumerate(sections) if one.heading.strip().casefold().startswith("conclusion")]
        return f"text-{ranks[0]}" if ranks else ""
    ranks = [rank for rank, one in enumerate(sections) if problem.field and one_line(one.heading).startswith(problem.field)]
    return f"text-{ranks[0]}" if ranks else ""
