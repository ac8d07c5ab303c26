"""The questions on contraindications in a form: answers, and a physician's decision that overrides them.

Markup: a question is `fieldset[data-question][data-blocks]` with radios `answer-{code}`; the decision's fields are `override_by` and
`override_reason`.
"""

from __future__ import annotations

from ris.contracts.portal import OverrideBody
from ris.domain.access.audit import Visit
from ris.domain.agenda.contraindications import Override
from ris.domain.agenda.exam import Exam
from ris.portal.call import Call
from ris.portal.forms import read

_PREFIX = "answer-"
OVERRIDE_FIELDS = ("override_by", "override_reason")


def answers_given(call: Call) -> dict[str, str]:
    """Return the answers of the form, by the code of their question."""
    return {name.removeprefix(_PREFIX): value for name, value in call.form.items() if name.startswith(_PREFIX) and value}


def typed_answers(call: Call) -> dict[str, str]:
    """Return the fields of this part of the form as they were typed."""
    fields = call.form if call.method == "POST" else {}
    return {name: value for name, value in fields.items() if name.startswith(_PREFIX) or name in OVERRIDE_FIELDS}


def override_given(call: Call) -> Override | None:
    """Return the decision that was typed, or None where both its fields are empty.

    Raises:
        FormErrors: One of them is wrong.
    """
    if not any(call.form.get(name, "").strip() for name in OVERRIDE_FIELDS):
        return None
    body = read(call, OverrideBody)
    return Override(body.override_by, body.override_reason, call.person.account_id)


def audit_override(call: Call, exam: Exam) -> None:
    """Keep a record of its own for a decision that was typed with this form."""
    if exam.override is not None and exam.override.recorded_by == call.person.account_id:
        visit = Visit("override_contraindication", site=exam.site, object_id=exam.accession_number, patient_id=exam.patient_id)
        call.also(visit)
