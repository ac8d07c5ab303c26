"""What keeps a patient from an exam: the catalogue's questions, the patient's answers, and a decision that overrides them.

The questions are data of the group, written by its radiologists; nothing medical is known here. An answer may be missing at booking, by
telephone or from a letter: it is asked when the patient arrives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ris.domain.errors import InvalidInput

YES, NO, UNKNOWN = "yes", "no", "unknown"
ANSWERS = (NO, YES, UNKNOWN)
ALERTS, ALLERGIES, PREGNANCY, NEEDS = TOLD_IN = ("MedicalAlerts", "Allergies", "PregnancyStatus", "SpecialNeeds")
"""Where PS3.4 Table K.6-1 lets a worklist say what a patient answered."""


@dataclass(frozen=True)
class Question:
    """One question of an exam of the catalogue.

    Args:
        code: Its name in the catalogue, at most 32 characters.
        text: As it is put to the patient.
        blocks: A *yes* keeps from the exam; else it is only told to whoever does it.
        told_in: Keyword of the DICOM attribute in which the modality learns of it, one of `TOLD_IN`.
        told_as: What it learns then, at most 64 characters (LO); empty for the question itself.
    """

    code: str
    text: str
    blocks: bool = True
    told_in: str = ALERTS
    told_as: str = ""


@dataclass(frozen=True)
class Override:
    """The decision that an exam takes place in spite of a contraindication.

    Args:
        decided_by: Name of the physician who decided, as typed.
        reason: Why.
        recorded_by: Account id of who typed it.
    """

    decided_by: str
    reason: str
    recorded_by: str


@dataclass(frozen=True)
class Told:
    """What a modality is told of the answers.

    Args:
        texts: Of each keyword of `TOLD_IN` but the pregnancy's: what was answered with yes, in the catalogue's order.
        pregnancy: The gravest answer to what was asked of it: yes, unknown, no; empty while nobody asked.
    """

    texts: Mapping[str, tuple[str, ...]]
    pregnancy: str = ""


def told(questions: Sequence[Question], answers: Mapping[str, str]) -> Told:
    """Return what the answers say to whoever does the exam; an exam that was decided on all the same says it too."""
    yes = [question for question in questions if answers.get(question.code) == YES]
    texts = {keyword: tuple(_words(one) for one in yes if one.told_in == keyword) for keyword in TOLD_IN if keyword != PREGNANCY}
    of_pregnancy = {answers.get(question.code, "") for question in questions if question.told_in == PREGNANCY}
    return Told(texts, next((answer for answer in (YES, UNKNOWN, NO) if answer in of_pregnancy), ""))


def _words(question: Question) -> str:
    return question.told_as or f"{question.text[:_LONGEST].rstrip()} oui"


_LONGEST = 60
"""Characters of a question that leave room for its answer in an LO."""


def answers_to(questions: Sequence[Question], given: Mapping[str, str]) -> dict[str, str]:
    """Return the answers to these questions; one that was not given is left out, one to another question is dropped.

    Raises:
        InvalidInput: `answer_malformed`, the field is `answer-{code}`.
    """
    found = {}
    for question in questions:
        answer = given.get(question.code, "")
        if answer and answer not in ANSWERS:
            raise InvalidInput("answer_malformed", field=f"answer-{question.code}")
        if answer:
            found[question.code] = answer
    return found


def contraindications(questions: Sequence[Question], answers: Mapping[str, str]) -> list[Question]:
    """Return the questions whose answer keeps from the exam."""
    return [question for question in questions if question.blocks and answers.get(question.code) == YES]


def unanswered(questions: Sequence[Question], answers: Mapping[str, str]) -> list[Question]:
    """Return the questions that nobody answered with yes or no."""
    return [question for question in questions if answers.get(question.code, UNKNOWN) == UNKNOWN]
