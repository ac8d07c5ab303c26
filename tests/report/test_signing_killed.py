"""Signing killed at any instant and started again: the same documents and identifiers, one version, one row a channel.

Every call of every port is a place to die, before its effect and after it. What is started again is either the state that died, as
the machine's retry does, or the whole machine, as the sweep does; later, with the clock moved on.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from ris.adapters.report.frozen_json import FrozenJson
from ris.application.report.build_cda import build_cda
from ris.application.report.freeze_report import freeze_report
from ris.application.report.render_report import render_report
from ris.application.report.services import ReportServices
from ris.application.report.sign_submission import sign_submission
from ris.domain.report.draft import DraftStatus
from ris.domain.report.frozen import FrozenReport
from tests.support.reports import ACCESSION, NOW, ReportWorld

PORTS = ("reports", "documents", "exams", "patients", "reference", "deliveries", "codec", "renderer", "builder", "signer")
STATES = (freeze_report, render_report, build_cda, sign_submission)


class OncePerReport:
    """A maker that keeps what it made: these tests make the same documents hundreds of times."""

    made: dict[Any, bytes] = {}  # noqa: RUF012 - for the whole session

    def __init__(self, make: Callable[..., bytes]) -> None:
        self._make = make

    def __call__(self, *given: Any) -> bytes:
        key = (self._make.__qualname__, *(FrozenJson().dump(one) if isinstance(one, FrozenReport) else one for one in given))
        if key not in self.made:
            self.made[key] = self._make(*given)
        return self.made[key]


def a_world() -> ReportWorld:
    """Return a world whose report is validated."""
    world = ReportWorld()
    makers = {"renderer": SimpleNamespace(render=OncePerReport(world.s.renderer.render))}
    makers["builder"] = SimpleNamespace(build=OncePerReport(world.s.builder.build))
    world.s = replace(world.s, **makers)  # type: ignore[arg-type]
    world.validated()
    return world


class Killed(BaseException):
    """The process is gone: nothing that it would have done afterwards happens."""


class Mortal:
    """A port whose calls are counted, and one of which kills.

    Args:
        life: Called before and after each call.
    """

    def __init__(self, port: Any, life: Callable[[], None]) -> None:
        self._port, self._life = port, life

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._life()
            answer = found(*arguments, **named)
            self._life()
            return answer

        return call


class Life:
    """Ends at the n-th breath; 0 lives for ever."""

    def __init__(self, last: int = 0) -> None:
        self.breaths, self._last = 0, last

    def __call__(self) -> None:
        self.breaths += 1
        if self.breaths == self._last:
            raise Killed


def mortal(s: ReportServices, life: Life) -> ReportServices:
    return replace(s, **{name: Mortal(getattr(s, name), life) for name in PORTS})  # type: ignore[arg-type]


def run(world: ReportWorld, s: ReportServices, *, first: int = 0, minutes: int = 0) -> int:
    """Run the states from one of them on; return the number of the state that was killed, or their count."""
    command, now = world.command(), NOW + timedelta(minutes=minutes)
    for number, state in list(enumerate(STATES))[first:]:
        try:
            if state is freeze_report:
                freeze_report(s, command, now)
            else:
                state(s, ACCESSION, command.version, now)  # type: ignore[operator]
        except Killed:
            return number
    return len(STATES)


def facts(world: ReportWorld) -> dict[str, Any]:
    """Return what must be the same: documents, identifiers, the plan, the rows."""
    (version,) = world.reports.versions(ACCESSION)
    rows = world.deliveries.of_owner(ACCESSION)
    draft = world.reports.draft(ACCESSION)
    assert draft is not None
    return {
        "documents": world.documents.kept,
        "version": (version.document_id, version.set_id, version.state, version.files, version.plan, version.validated_at),
        "rows": [(row.channel, row.recipient, row.document_id, row.state, row.report_version, row.version) for row in rows],
        "draft": (draft.status, draft.version, draft.sections, draft.refusal),
    }


def undisturbed() -> tuple[dict[str, Any], int]:
    world, life = a_world(), Life()
    assert len(STATES) == run(world, mortal(world.s, life))
    return facts(world), life.breaths


@pytest.mark.parametrize("again", ["the state", "the machine"])
def test_it_ends_in_the_same_bytes_wherever_it_was_killed(again: str) -> None:
    expected, breaths = undisturbed()
    assert breaths > 50

    for last in range(1, breaths + 1):
        world = a_world()
        died = run(world, mortal(world.s, Life(last)))
        assert died < len(STATES), last
        assert len(STATES) == run(world, world.s, first=died if again == "the state" else 0, minutes=90), last
        assert expected == facts(world), last


def test_two_executions_at_once_end_in_the_same_bytes() -> None:
    """The second one runs whole inside the first one, at each of its breaths."""
    expected, breaths = undisturbed()

    for moment in range(1, breaths + 1):
        world = a_world()
        inner = world.s

        class Interrupted(Life):
            def __call__(self) -> None:
                self.breaths += 1
                if self.breaths == moment:  # noqa: B023 - used within the same turn of the loop
                    assert len(STATES) == run(world, inner, minutes=1)  # noqa: B023

        assert len(STATES) == run(world, mortal(world.s, Interrupted()), minutes=2), moment
        assert expected == facts(world), moment


def test_a_draft_on_its_way_is_validating_until_all_documents_are_kept() -> None:
    _, breaths = undisturbed()
    for last in range(1, breaths + 1, 5):
        world = a_world()
        run(world, mortal(world.s, Life(last)))
        draft = world.reports.draft(ACCESSION)
        assert draft is not None
        assert (draft.status is DraftStatus.VALIDATED) == all(
            f"{ACCESSION}/v1/{name}" in world.documents.kept
            for name in ("frozen.json", "report.pdf", "report.cda.xml", "signature.xml")
        ) or draft.status is DraftStatus.VALIDATING


def test_a_report_of_150_000_characters_is_signed_and_states_stay_small() -> None:
    from ris.contracts.signing import output_of
    from ris.domain.report.frozen import Section

    world = ReportWorld()
    long = "Œdème interstitiel « discret », ≤ 3 mm.\n\n" * (150_000 // 41)

    version = world.signed(sections=(Section("Résultats", long), Section("Conclusion", "Voir le texte.")))

    assert len(json.dumps(output_of(version).model_dump(mode="json"))) < 500
    assert version.files["report.pdf"].size > 100_000
    assert not {"ADRUN", "ZOE", "275126322074974", "Œdème"} & set(json.dumps(output_of(version).model_dump(mode="json")).split('"'))
