"""The identity panel: where an identity stands, what was typed beside what INSi returned, and the one action that is missing.

Markup: `#identity` carries `data-identity data-status data-insi data-next data-locked data-information`; a trait is
`[data-trait][data-differs]`; the forms are `form[data-action]` (`query_insi insi_accept insi_decline document document_withdraw
information mark unmark reveal_ins`); an event that runs is `[data-event][data-event-state]`; a line of the history
`[data-history][data-from][data-to]`; the INS, once revealed, is `[data-ins]`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date

from ris.application.identity.records import EventState, RecordedEvent
from ris.domain.access.policy import sites_allowed
from ris.domain.agenda.exam import Exam
from ris.domain.identity.ins import Ins
from ris.domain.identity.insi import InsiFound, InsiState
from ris.domain.identity.patient import Patient
from ris.domain.identity.rniv import BLOCKING, PROOF_CODES, StatusChange, is_blocked, is_locked
from ris.domain.identity.status import IdentityStatus
from ris.portal import french
from ris.portal.call import Call
from ris.portal.layout import current_site

PROOFS = tuple(sorted(PROOF_CODES - {"AV"}, key=lambda code: (code not in ("CN", "PA", "CS", "CE"), french.word("proof", code))))
"""ZFD-7 codes a desk may record, the usual ones first; `AV` comes from the application itself."""
INFORMATION = ("INO", "IO", "NA")
MARKS = ("homonyme", "douteuse", "fictive")
PANEL_LISTS: dict[str, object] = {"proofs": PROOFS, "informations": INFORMATION, "marks": MARKS}
"""What the panel's forms offer."""
TRAITS = ("birth_family", "birth_given", "birth_given_all", "birth_date", "sex", "birth_place_insee")
_COMPARED = frozenset({InsiState.PENDING, InsiState.DECLINED, InsiState.NOT_CONFIRMED, InsiState.REFUSED})
_HISTORY = 30
_EVENT_ID = re.compile(r"[A-Za-z0-9_.-]{1,40}", re.ASCII)


@dataclass(frozen=True)
class TraitLine:
    """One strict trait: as it stands here, and as INSi returned it."""

    name: str
    typed: str
    returned: str
    differs: bool


@dataclass(frozen=True)
class Panel:
    """What the panel shows.

    Args:
        site: Where the person acts from: whose legal entity asks INSi.
        missing: The one action that is missing: `clear decide ask document`, or empty.
        lines: Traits side by side; empty when there is nothing to compare.
        episode: The exam the information is for, on an exam's page.
        information: ZFA-9 of the episode, or of the patient where there is no episode.
        event: An event of this page that is not applied yet, or was refused.
        ins: Only after it was revealed.
        token: Begins the id of the events of this page's forms.
    """

    patient: Patient
    site: str
    zone: str
    missing: str
    lines: tuple[TraitLine, ...]
    locked: bool
    blocked: bool
    information: str
    token: str
    may: frozenset[str]
    may_correct: bool
    episode: Exam | None = None
    event: RecordedEvent | None = None
    ins: Ins | None = None
    history: tuple[StatusChange, ...] = ()
    errors: dict[str, str] = field(default_factory=dict)
    rule: str = ""
    detail: str = ""
    typed: dict[str, str] = field(default_factory=dict)

    @property
    def insi_waits(self) -> bool:
        """Whether an answer waits for a person."""
        return self.patient.insi is not None and self.patient.insi.state is InsiState.PENDING

    @property
    def event_waits(self) -> bool:
        """Whether the event of this page still runs."""
        return self.event is not None and self.event.state is EventState.RECORDED

    @property
    def nature(self) -> str:
        """Return NIR or NIA: what kind of number the matricule is."""
        return self.patient.ins.authority.rpartition("-")[2] if self.patient.ins else ""


ACTIONS = (
    "query_insi",
    "qualify_identity",
    "reveal_ins",
    "record_information",
    "mark_identity",
    "clear_identity_mark",
    "edit_traits",
)


def panel_of(
    call: Call,
    patient: Patient,
    *,
    episode: Exam | None = None,
    whole: bool = False,
    ins: Ins | None = None,
    errors: dict[str, str] | None = None,
    rule: str = "",
    detail: str = "",
) -> Panel:
    """Return the panel of a patient whom the person may see.

    Args:
        call: The request.
        patient: As just read.
        episode: On an exam's page, that exam.
        whole: With the history: one read more.
        ins: The INS, where it was asked for in clear.
        errors: Field to code, of a form that was refused; `rule` is the code of a rule, `detail` what it says beside.
    """
    site = episode.site if episode else acting_site(call, patient)
    at = call.services.reference.site(site)
    held = frozenset(action for action in ACTIONS if call.may(action, site))
    wanted = call.one("event")
    store = call.services.identity().patients if whole or wanted else None
    event = store.event(patient.patient_id, wanted) if store and _EVENT_ID.fullmatch(wanted) else None
    return Panel(
        patient=patient,
        site=site,
        zone=at.time_zone if at else "Europe/Paris",
        missing=missing_of(patient),
        lines=_lines(patient),
        locked=is_locked(patient),
        blocked=is_blocked(patient),
        information=episode.information if episode else patient.consents.get("ZFA-9", ""),
        token=call.services.agenda.new_token()[:20],
        may=held,
        may_correct="correct_strict_traits" in call.person.rights,
        episode=episode,
        event=event if event and event.state is not EventState.APPLIED else None,
        ins=ins,
        history=tuple(store.history(patient.patient_id, limit=_HISTORY)) if store and whole else (),
        errors=errors or {},
        rule=rule,
        detail=detail,
        typed=call.form if errors or rule else {},
    )


def acting_site(call: Call, patient: Patient) -> str:
    """Return the site of the patient at which the person acts: the one last looked at, else the first they have a role at."""
    mine = [site for site in sites_allowed(call.person, "read_patient") if site in patient.sites]
    here = current_site(call)
    return here if here in mine else (mine[0] if mine else here)


def missing_of(patient: Patient) -> str:
    """Return what keeps the identity from being qualified, the first thing to do first."""
    if patient.attributes & BLOCKING:
        return "clear"
    if patient.insi is not None and patient.insi.state is InsiState.PENDING:
        return "decide"
    if patient.status is IdentityStatus.QUALIFIEE:
        return ""
    return "ask" if patient.ins is None else "document"


def _lines(patient: Patient) -> tuple[TraitLine, ...]:
    record = patient.insi
    if record is None or record.found is None or record.state not in _COMPARED:
        return ()
    found = record.found
    return tuple(TraitLine(name, trait_text(patient, name), _returned(found, name), name in record.differences) for name in TRAITS)


def trait_text(patient: Patient, name: str) -> str:
    """Return one strict trait as people read it; a date that cannot be is shown as it was sent."""
    traits = patient.traits
    if name == "birth_date":
        return french.date(traits.birth_date) or traits.birth_date_text
    if name == "sex":
        return french.word("sex", traits.sex)
    return str(getattr(traits, name))


def _returned(found: InsiFound, name: str) -> str:
    if name == "birth_date":
        try:
            return french.date(date.fromisoformat(found.birth_date))
        except ValueError:
            return found.birth_date
    return french.word("sex", found.sex) if name == "sex" else str(getattr(found, name))
