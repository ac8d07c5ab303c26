"""What a page of figures is asked for, as its address or its form says it: a period, and whose figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from ris.application.usage.dashboard import Asked
from ris.domain.access.policy import sites_allowed
from ris.domain.errors import InvalidInput
from ris.domain.usage.period import FREE, MONTH, PRESETS, free, preset
from ris.portal.answers import Stop
from ris.portal.call import Call

NAMES = ("period", "from", "to", "finess", "rpps")
_MOST = 32


@dataclass(frozen=True)
class Typed:
    """The form as it was filled in, and what it asks for.

    Args:
        values: By field; nothing of a patient is among them.
        errors: Field to the code of its sentence; then `asked` is the present month.
    """

    values: Mapping[str, str]
    asked: Asked
    errors: Mapping[str, str] = field(default_factory=dict)

    @property
    def query(self) -> str:
        """Return it as the query of an address."""
        return urlencode({name: value for name, value in self.values.items() if value})


def typed(call: Call, given: Mapping[str, str] | None = None) -> Typed:
    """Return what is asked for, at the sites where this person may read figures.

    Args:
        call: The request.
        given: Fields of a form; None reads the address.
    """
    values = {name: (call.one(name) if given is None else given.get(name, "").strip())[:_MOST] for name in NAMES}
    values["period"] = values["period"] or (FREE if values["from"] or values["to"] else MONTH)
    if values["period"] not in (*PRESETS, FREE):
        raise Stop(400, "unknown_period")
    sites, errors = sites_allowed(call.person, "read_usage"), {}
    period = preset(MONTH, today(call))
    try:
        period = free(values["from"], values["to"]) if values["period"] == FREE else preset(values["period"], today(call))
    except InvalidInput as error:
        errors[error.field] = error.code
    return Typed(values, Asked(sites, period, values["finess"], values["rpps"]), errors)


def required(call: Call) -> Typed:
    """Return what a file is asked for.

    Raises:
        InvalidInput: The period is none; the field is `from` or `to`.
    """
    found = typed(call)
    for name, code in found.errors.items():
        raise InvalidInput(code, field=name)
    return found


def today(call: Call) -> date:
    """Return the civil day at the person's first site."""
    site = call.services.reference.site(call.person.sites[0])
    return call.now.astimezone(ZoneInfo(site.time_zone if site else "Europe/Paris")).date()
