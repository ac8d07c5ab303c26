"""A form's fields against its model: what is wrong stands beside its field, and what was typed is kept."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from ris.contracts.portal import Body
from ris.portal.call import Call

Model = TypeVar("Model", bound=Body)

_CODES = {"missing": "field_missing", "string_too_short": "field_missing", "string_too_long": "field_too_long"}


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
        raise FormErrors({str(each["loc"][0]): _code(each["type"], typed.get(str(each["loc"][0]), "")) for each in found}) from None


def _code(kind: str, typed: str) -> str:
    return "field_missing" if not typed.strip() else _CODES.get(kind, "field_malformed")
