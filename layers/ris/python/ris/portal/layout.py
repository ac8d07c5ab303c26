"""What every page of a logged-in person shows around its content: the menu of what they may do, the site, their name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ris.portal import cookies
from ris.portal.call import Call


@dataclass(frozen=True)
class MenuEntry:
    """One entry of the menu."""

    label: str
    url: str
    current: bool


@dataclass(frozen=True)
class Place:
    """A site one has a role at, as the page's head shows it."""

    site: str
    name: str
    current: bool


_MENU = (
    ("Cockpit", "read_cockpit", "/sites/{site}/cockpit"),
    ("Secrétariat", "read_secretariat", "/sites/{site}/secretariat"),
    ("À interpréter", "read_report", "/sites/{site}/reading"),
    ("Mes comptes rendus", "read_own_reports", "/sites/{site}/my-reports"),
    ("À imprimer", "read_letters", "/sites/{site}/letters"),
    ("Accueil", "book_appointment", "/sites/{site}/desk"),
    ("Liste de travail", "read_worklist", "/sites/{site}/worklist"),
    ("Agenda", "read_agenda", "/sites/{site}/agenda"),
    ("À programmer", "read_requests", "/sites/{site}/requests"),
    ("Machines", "read_machines", "/sites/{site}/machines"),
    ("Patients", "search_patients", "/patients"),
    ("Usage", "read_usage", "/usage"),
    ("Messages en attente", "read_parked", "/sites/{site}/messages"),
    ("Actes non rattachés", "read_mpps_unscheduled", "/sites/{site}/unscheduled"),
    ("Contrôle des accès", "read_audit", "/sites/{site}/audit"),
)


def site_cookie(call: Call) -> str:
    """Return the site last looked at by this browser."""
    return cookies.read(call.headers.get("cookie", ""), cookies.name_of("site", call.services.settings.cookie_suffix))


def current_site(call: Call) -> str:
    """Return the site the page is about, else the one last looked at, else the person's first."""
    sites = call.person.sites
    return next((site for site in (call.touched.site, site_cookie(call)) if site in sites), sites[0])


def menu(call: Call, site: str) -> list[MenuEntry]:
    """Return the entries this person may open at the site."""
    entries = [(label, pattern.format(site=site)) for label, action, pattern in _MENU if call.may(action, site)]
    return [MenuEntry(label, url, call.path == url or call.path.startswith(url + "/")) for label, url in entries]


def context_of(call: Call) -> dict[str, Any]:
    """Return the values of the layout."""
    if call.session is None:
        return {"person": None}
    site = current_site(call)
    names = {each.site: each.name for each in call.services.reference.sites()}
    return {
        "person": call.session,
        "csrf": call.session.csrf_token,
        "site": site,
        "site_name": names.get(site, site),
        "places": [Place(each, names.get(each, each), each == site) for each in call.person.sites],
        "menu": menu(call, site),
        "may": lambda action: call.may(action, site),
    }
