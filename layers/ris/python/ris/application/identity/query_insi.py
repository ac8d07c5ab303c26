"""Ask INSi for one patient: the searches in their order, each answer kept as it came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ris.application.identity.insi_port import IdentityService, InsiAnswer, InsiQuery, InsiRejected, InsiUnavailable
from ris.application.identity.records import EventState, KeptAnswer, RecordedEvent
from ris.application.identity.services import QueryServices
from ris.domain.errors import InvalidInput, Refused, RisError
from ris.domain.identity.attempts import attempts
from ris.domain.identity.patient import Patient
from ris.domain.identity.rniv import is_blocked

REMOTE = "insi"
LONGEST_RAW = 200_000
"""Bytes of an answer that are kept; INSi's have about three thousand, what is longer is no answer of INSi."""


@dataclass(frozen=True)
class Asked:
    """What came of a question.

    Args:
        answer_id: Of the answer that counts, kept beside the patient; empty when nothing was asked.
        code: `00`, `01`, `02`.
    """

    answer_id: str = ""
    code: str = ""


def query_insi(s: QueryServices, patient_id: str, event_id: str, now: datetime) -> Asked:
    """Search until one identity is found; a question asked twice is two answers, of which the later one counts.

    Args:
        s: The ports.
        patient_id: Whose identity.
        event_id: The recorded question.
        now: Aware UTC instant.

    Returns:
        The answer that counts: the first 00, else the last 02, else the last 01.

    Raises:
        InvalidInput: `unknown_patient`, `unknown_event`, `unknown_site`, or a trait that INSi cannot be asked with.
        Refused: `identity_blocked`.
        RemoteRejected: INSi's own code; somebody must repair it.
        RemoteUnavailable: INSi's own code, or `insi_breaker_open`.
    """
    recorded = s.patients.event(patient_id, event_id)
    if recorded is None or not recorded.is_query:
        raise InvalidInput("unknown_event", field="event_id")
    if recorded.state is not EventState.RECORDED:
        return Asked()
    patient, insi = _who_and_where(s, recorded)
    best: KeptAnswer | None = None
    for number, attempt in enumerate(attempts(patient.traits, place=s.settings.place), start=1):
        if attempt.only_after_several and (best is None or best.code != "02"):
            continue
        kept = _search(s, insi, recorded, attempt.query, f"{_text(now)}#{number:02d}", now)
        if best is None or kept.code in ("00", "02") or best.code == "01":
            best = kept
        if kept.code == "00":
            break
    return Asked(best.answer_id, best.code) if best else Asked()


def _text(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S.%f}Z"


def _who_and_where(s: QueryServices, recorded: RecordedEvent) -> tuple[Patient, IdentityService]:
    patient, site = s.patients.get(recorded.patient_id), s.sites.site(recorded.site)
    if patient is None:
        raise InvalidInput("unknown_patient", field="patient_id")
    if site is None:
        raise InvalidInput("unknown_site", field="site")
    if is_blocked(patient):
        raise Refused("identity_blocked", field="patient_id")
    return patient, s.insi.of(site, by_person=recorded.by_person)


def _search(
    s: QueryServices, insi: IdentityService, recorded: RecordedEvent, query: InsiQuery, answer_id: str, now: datetime
) -> KeptAnswer:
    """Make one search through the breaker and keep what came, an error's bytes too."""

    def kept(answer: InsiAnswer, error: str = "") -> KeptAnswer:
        return KeptAnswer(
            patient_id=recorded.patient_id,
            answer_id=answer_id,
            event_id=recorded.event_id,
            asked_at=now,
            by=recorded.by,
            by_person=recorded.by_person,
            query=query,
            code=answer.code,
            found=answer.found,
            error=error,
            raw=answer.raw[:LONGEST_RAW],
        )

    try:
        answer = s.breakers.guarded(REMOTE, lambda: insi.search(query, by_person=recorded.by_person, now=now), now)
    except RisError as error:
        _keep_failure(s, kept, error)
        raise
    found = kept(answer)
    s.patients.keep_answer(found)
    return found


def _keep_failure(s: QueryServices, kept: Callable[[InsiAnswer, str], KeptAnswer], error: RisError) -> None:
    if error.code == f"{REMOTE}_breaker_open":
        return  # nothing was asked
    raw = error.raw if isinstance(error, InsiUnavailable | InsiRejected) else b""
    s.patients.keep_answer(kept(InsiAnswer("", None, raw), error.code))
