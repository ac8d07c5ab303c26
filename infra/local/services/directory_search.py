"""The search parameters that the directory exposes, and nothing else.

Source: Annuaire Sante, API FHIR v2; FHIR R4 §3.1.1.4 (string, token, reference), §3.1.1.5.3 (`_include`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

from infra.local.services.directory_people import Known

Resource = dict[str, Any]
Test = Callable[[Resource, str], bool]
INCLUDES = {
    "PractitionerRole:practitioner": ("practitioner", "Practitioner"),
    "PractitionerRole:organization": ("organization", "Organization"),
}


class BadSearch(Exception):
    """A parameter that is not exposed, or a value that is none."""


def search(
    known: Known, kind: str, asked: list[tuple[str, str]]
) -> tuple[list[Resource], Callable[[list[Resource]], list[Resource]]]:
    """Return what fits every parameter, and what gives the resources a page includes.

    Raises:
        BadSearch: See there.
    """
    found = known.resources(kind)
    included = [INCLUDES[value] for name, value in asked if name == "_include" and value in INCLUDES and kind == "PractitionerRole"]
    for name, value in asked:
        if name == "_include":
            if value not in INCLUDES or kind != "PractitionerRole":
                raise BadSearch("this _include is not exposed")
            continue
        test = PARAMETERS[kind].get(name)
        if test is None:
            raise BadSearch(f"the parameter {name} is not exposed")
        wanted = [one for one in value.split(",") if one]
        if not wanted:
            raise BadSearch(f"the parameter {name} is empty")
        found = [one for one in found if any(test(one, each) for each in wanted)]
    return found, lambda shown: _included(known, shown, included)


def _included(known: Known, shown: list[Resource], included: list[tuple[str, str]]) -> list[Resource]:
    wanted = {one[element]["reference"] for one in shown for element, _ in included}
    return [r for _, kind in included for r in known.resources(kind) if f"{kind}/{r['id']}" in wanted]


def plain(text: str) -> str:
    """Return text as FHIR compares strings: no accents, no case."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower().strip()


def _identifier(resource: Resource, value: str) -> bool:
    system, bar, number = value.rpartition("|")
    return any(one["value"] == number and (not bar or one["system"] == system) for one in resource["identifier"])


def _name(*parts: str) -> Test:
    def test(resource: Resource, value: str) -> bool:
        said = resource["name"]
        names = [said] if isinstance(said, str) else [n for one in said for p in parts for n in _listed(one[p])]
        return any(word.startswith(plain(value)) for name in names for word in (plain(name), *plain(name).split()))

    return test


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _mailboxes(resource: Resource) -> list[str]:
    return [telecom["value"].lower() for telecom in resource.get("telecom", [])]


def _reference(element: str) -> Test:
    return lambda resource, value: resource[element]["reference"] in {value, f"{element.capitalize()}/{value}"}


_EVERY: dict[str, Test] = {
    "_id": lambda resource, value: resource["id"] == value,
    "active": lambda resource, value: str(resource["active"]).lower() == value,
    "mailbox-mss": lambda resource, value: any(box.startswith(value.lower()) for box in _mailboxes(resource)),
    "mailbox-mss:exact": lambda resource, value: value in _mailboxes(resource),
    "mailbox-mss:contains": lambda resource, value: any(value.lower() in box for box in _mailboxes(resource)),
}
PARAMETERS: dict[str, dict[str, Test]] = {
    "Practitioner": {
        **_EVERY,
        "identifier": _identifier,
        "name": _name("family", "given"),
        "family": _name("family"),
        "given": _name("given"),
    },
    "PractitionerRole": {**_EVERY, "practitioner": _reference("practitioner"), "organization": _reference("organization")},
    "Organization": {**_EVERY, "identifier": _identifier, "name": _name()},
}
