"""The memory twins of INSi and of the machine's starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ris.application.identity.insi_port import IdentityService, InsiAnswer, InsiFound, InsiQuery
from ris.application.identity.records import RecordedEvent
from ris.application.reference import Site
from ris.domain.errors import RemoteUnavailable


@dataclass(frozen=True)
class InsiCall:
    """One search as INSi got it."""

    query: InsiQuery
    by_person: bool
    legal_entity: str


@dataclass
class MemoryInsi:
    """INSi that knows a few people by family name, one given name, sex and date, and fails as often as it is told.

    Args:
        people: Whom it knows; found by the first given name, or by the name in `answers_to`.
        answers_to: Family name to the given name that finds the person, where it is not the first.
        script: Answers or failures, given one by one before anything is looked up.
    """

    people: list[InsiFound] = field(default_factory=list)
    answers_to: dict[str, str] = field(default_factory=dict)
    script: list[InsiAnswer | Exception] = field(default_factory=list)
    calls: list[InsiCall] = field(default_factory=list)

    def of(self, site: Site, *, by_person: bool) -> IdentityService:  # noqa: ARG002 - the calls say it
        """See `InsiAccess`."""
        return _Entity(self, site.legal_entity)

    def answer(self, call: InsiCall) -> InsiAnswer:
        """Return what this call gets."""
        self.calls.append(call)
        if self.script:
            said = self.script.pop(0)
            if isinstance(said, Exception):
                raise said
            return said
        found = [person for person in self.people if self._is_meant(person, call.query)]
        return InsiAnswer("00", found[0], b"<kept/>") if len(found) == 1 else InsiAnswer("02" if found else "01", None, b"<kept/>")

    def _is_meant(self, person: InsiFound, query: InsiQuery) -> bool:
        name = self.answers_to.get(person.birth_family) or person.birth_given
        mine = (person.birth_family, name, person.sex, person.birth_date)
        place = "" in (query.birth_place_insee, person.birth_place_insee) or query.birth_place_insee == person.birth_place_insee
        return place and mine == (query.birth_family, query.birth_given, query.sex, query.birth_date)


@dataclass(frozen=True)
class _Entity:
    insi: MemoryInsi
    legal_entity: str

    def search(self, query: InsiQuery, *, by_person: bool, now: datetime) -> InsiAnswer:  # noqa: ARG002 - no clock here
        """See `IdentityService`."""
        return self.insi.answer(InsiCall(query, by_person, self.legal_entity))


@dataclass
class MemoryIdentityWorkflows:
    """Starts that are only remembered; `down` refuses them."""

    started: list[RecordedEvent] = field(default_factory=list)
    down: bool = False

    def start_identity(self, event: RecordedEvent) -> None:
        """See the port: a second start of the same name is none."""
        if self.down:
            raise RemoteUnavailable("workflows_unavailable")
        if (event.patient_id, event.event_id, event.attempt) not in [(e.patient_id, e.event_id, e.attempt) for e in self.started]:
            self.started.append(event)
