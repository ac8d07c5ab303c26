"""The portal as one Lambda handler: the contexts' routes in one Chalice application, the gate around them, the adapter before them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from chalice.app import Blueprint, Chalice

from ris.bootstrap.portal import PortalServices, PortalSettings
from ris.portal import access, access_audit, access_chain, assets_views, openapi, respond
from ris.portal.adapter import Adapter, Event
from ris.portal.agenda import acts, booking, calls, day, desk, exams, free, machines, messages, moving, requests, walk_in, worklist
from ris.portal.call import wanted
from ris.portal.dispatch import cockpit, strange, stuck
from ris.portal.gate import Gate, GuardedView
from ris.portal.identity import actions, new_patient, patients, refusals, scan
from ris.portal.report import after, aids, editor, letters, mine, reading, secretariat, versions
from ris.portal.routing import PathTable, Routes, Rule
from ris.portal.usage import figures, files, thresholds

BINARY_TYPES = ("application/pdf", files.XLSX)
"""What leaves in base64 besides Chalice's own list."""

CONTEXTS: tuple[Routes, ...] = (
    access.routes,
    day.routes,
    requests.routes,
    booking.routes,
    worklist.routes,
    desk.routes,
    moving.routes,
    free.routes,
    walk_in.routes,
    machines.routes,
    calls.routes,
    acts.routes,
    scan.routes,
    new_patient.routes,
    exams.routes,
    messages.routes,
    patients.routes,
    actions.routes,
    refusals.routes,
    reading.routes,
    secretariat.routes,
    letters.routes,
    mine.routes,
    editor.routes,
    aids.routes,
    versions.routes,
    after.routes,
    cockpit.routes,
    stuck.routes,
    strange.routes,
    access_audit.routes,
    access_chain.routes,
    figures.routes,
    files.routes,
    thresholds.routes,
    assets_views.routes,
    openapi.routes,
)
"""Every route of the portal."""


class Portal:
    """The handler, and the application it stands on, so that a test can walk its routes.

    Args:
        services: Gives the ports, once they are needed: nothing is reached for at import.
    """

    def __init__(
        self, services: Callable[[], PortalServices], settings: PortalSettings, contexts: Iterable[Routes] = CONTEXTS
    ) -> None:
        # Chalice writes its name into the environment at each construction, and boto3 sends it: the environment is not its own.
        self.app = Chalice("ris-portal", configure_logs=False, env=dict(os.environ))
        self.app.api.binary_types.extend(BINARY_TYPES)
        for routes in contexts:
            self.app.register_blueprint(_blueprint(routes))
        self.app.register_middleware(Gate(services, settings, self.rule_of), "http")
        self._adapter = Adapter(self.app, PathTable(list(self.app.routes)), self._unknown)

    def __call__(self, event: Event, context: Any = None) -> Event:
        """Answer one request of the API gateway."""
        return self._adapter(event, context)

    def rule_of(self, pattern: str, method: str) -> Rule | None:
        """Return what a route declared; None for a method nobody declared, or for a view that bypassed the declaration."""
        entry = self.app.routes.get(pattern, {}).get(method)
        view = entry.view_function if entry else None
        return view.rule if isinstance(view, GuardedView) else None

    def _unknown(self, request: Event) -> Event:
        answer: Event = respond.problem(wanted(request["headers"]), 404, "unknown_object").to_dict(self.app.api.binary_types)
        return answer


def _blueprint(routes: Routes) -> Blueprint:
    """Return a new Chalice blueprint; one of Chalice's own can be registered only once."""
    made = Blueprint(f"ris.portal.{routes.name}")
    for route in routes.entries:
        view = GuardedView(route)
        made.route(route.path, methods=[route.method], content_types=["*/*"], name=view.__name__)(view)
    return made
