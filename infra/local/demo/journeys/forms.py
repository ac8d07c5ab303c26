"""A form of a page, sent as a person would."""

from __future__ import annotations

from infra.local.demo.journey import Step
from infra.local.demo.portal_client import Answer, Browser


def pressed(step: Step, person: Browser, shown: Answer, action: str, typed: dict[str, str] | None = None) -> Answer:
    """Fill the first form with that action or button and send it; require the answer to be a page without a fault.

    Args:
        action: `data-action` of the form, or of a button of it.
    """
    form = shown.page.form_of(action)
    step.require(form is not None, f"no form {action} (HTTP {shown.status})")
    assert form is not None
    return answered(step, person.submit(shown, form, typed or {}, action=action))


def pressed_on_row(step: Step, person: Browser, accession: str, row: dict[str, str], action: str) -> Answer:
    """Press the button of one delivery row on the exam's page."""
    shown = person.open(f"/exams/{accession}")
    named = {name: row[name] for name in ("channel", "recipient", "version")}
    forms = [form for form in shown.page.forms if form.data.get("action") == action and named.items() <= form.fields.items()]
    step.require(len(forms) == 1, f"{len(forms)} buttons {action} on the row")
    return answered(step, person.submit(shown, forms[0], {}))


def answered(step: Step, shown: Answer) -> Answer:
    """Require a page without a fault."""
    faults = [row["error-code"] for row in shown.page.rows("error-code")]
    step.require(shown.status == 200 and not faults, f"HTTP {shown.status} {', '.join(faults)}")
    return shown
