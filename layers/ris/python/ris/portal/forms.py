"""A form's fields against its model: what is wrong stands beside its field, and what was typed is kept."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from ris.contracts.portal import Body
from ris.portal.call import Call

Model = TypeVar("Model", bound=Body)

_MALFORMED = {"day": "no_such_day", "start": "no_such_time"}
_CODES = {"missing": "field_missing", "string_too_short": "field_too_short", "string_too_long": "field_too_long"}


class FormErrors(Exception):
    """The form cannot be used as it is.

    Args:
        codes: Field to the code of its sentence.
    """

    def __init__(self, codes: dict[str, str]) -> None:
        super().__init__(", ".join(sorted(codes)))
        self.codes = codes


def read(call: Call, model: type[Model]) -> Model:
    """Return the body as its model.

    Raises:
        FormErrors: With a code per field that is wrong.
    """
    try:
        return model.model_validate(call.form)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        typed = call.form
        wrong = {str(each["loc"][0]): each["type"] for each in found}
        raise FormErrors({name: _code(name, kind, typed.get(name, "")) for name, kind in wrong.items()}) from None


def _code(name: str, kind: str, typed: str) -> str:
    return "field_missing" if not typed.strip() else _CODES.get(kind, _MALFORMED.get(name, "field_malformed"))
