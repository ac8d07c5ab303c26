"""INSi is asked, its answers are kept, and a bad day of it is one incident."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ris.adapters.identity.insi_soap import InsiSettings, InsiSoap, read_answer
from ris.application.breaker import BreakerState
from ris.application.identity.insi_port import InsiAnswer, InsiQuery, InsiRejected, InsiUnavailable
from ris.application.identity.query_insi import query_insi
from ris.application.identity.record_identity_event import ask_insi, ask_on_booking
from ris.application.identity.services import IdentitySettings
from ris.application.identity.sweep_identity import sweep_identity
from ris.domain.errors import InvalidInput, Refused, RemoteRejected, RemoteUnavailable
from ris.domain.identity.attempts import PlaceUse
from ris.domain.identity.events import AttributeSet
from ris.domain.identity.insi import InsiState
from tests.support.identity import NOW, ZOE, Desk, zoe


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.patients.save(zoe())
    return desk


def unavailable(code: str = "insi_503", raw: bytes = b"") -> InsiUnavailable:
    error = InsiUnavailable(code)
    error.raw = raw
    return error


@pytest.mark.segur("INS.40", "INS.41", "INS.48", "INS.50")
def test_every_search_and_its_answer_are_kept_whole_with_who_asked(desk: Desk) -> None:
    desk.insi.script = [InsiAnswer("02", None, b"<two/>"), InsiAnswer("00", ZOE, b"<\xc3\xa9 unaltered/>\r\n")]
    desk.patients.save(replace(desk.patient(), traits=replace(desk.patient().traits, birth_given_all="ZOE MARIE")))

    desk.ask()

    newest, oldest = desk.patients.answers("p-1", limit=9)
    assert (b"<\xc3\xa9 unaltered/>\r\n", "00", "acc", True, ZOE) == (
        newest.raw,
        newest.code,
        newest.by,
        newest.by_person,
        newest.found,
    )
    assert (b"<two/>", "02", "ZOE") == (oldest.raw, oldest.code, oldest.query.birth_given)


@pytest.mark.segur("INS.50")
def test_01_and_02_go_on_and_the_birth_place_follows_a_02(desk: Desk) -> None:
    desk.query = replace(desk.query, settings=IdentitySettings(place=PlaceUse.AFTER_SEVERAL))
    desk.patients.save(
        replace(desk.patient(), traits=replace(desk.patient().traits, birth_given_all="ZOE MARIE", birth_place_insee="63220"))
    )
    desk.insi.script = [InsiAnswer("01"), InsiAnswer("02"), InsiAnswer("01"), InsiAnswer("01"), InsiAnswer("00", ZOE)]

    done = desk.ask()

    asked = [(call.query.birth_given, call.query.birth_place_insee) for call in desk.insi.calls]
    assert [("ZOE", ""), ("MARIE", ""), ("ZOE MARIE", ""), ("ZOE", "63220"), ("MARIE", "63220")] == asked
    assert done.patient.insi is not None
    assert InsiState.PENDING is done.patient.insi.state  # the list differs: ZOE MARIE here, ZOE there


def test_a_02_counts_more_than_the_01_after_it(desk: Desk) -> None:
    desk.patients.save(replace(desk.patient(), traits=replace(desk.patient().traits, birth_given_all="ZOE MARIE")))
    desk.insi.script = [InsiAnswer("02"), InsiAnswer("01"), InsiAnswer("01")]

    assert (InsiState.NOT_FOUND, "insi_02") == ((done := desk.ask().patient.insi) and done.state, done and done.reason)


def test_a_technical_fault_ends_the_searches(desk: Desk) -> None:
    desk.patients.save(replace(desk.patient(), traits=replace(desk.patient().traits, birth_given_all="ZOE MARIE")))
    desk.insi.script = [InsiAnswer("01"), unavailable("insi_102", b"<fault/>")]

    desk.ask()

    assert 2 == len(desk.insi.calls)
    assert [("insi_102", b"<fault/>"), ("", b"")] == [(kept.error, kept.raw) for kept in desk.patients.answers("p-1", limit=9)]


@pytest.mark.segur("INS.27", "INS.28")
def test_a_doubtful_identity_is_not_asked_about(desk: Desk) -> None:
    ask_insi(desk.record, "p-1", site="nord", by="acc", event_id="q", now=NOW)
    desk.workflows.started.clear()
    desk.say(AttributeSet(at=NOW, by="cell", site="nord", attribute="douteuse"))

    with pytest.raises(Refused, match="identity_blocked"):
        query_insi(desk.query, "p-1", "q", NOW)
    with pytest.raises(Refused, match="identity_blocked"):
        ask_insi(desk.record, "p-1", site="nord", by="acc", event_id="q2", now=NOW)
    assert [] == desk.insi.calls


def test_a_trait_that_cannot_be_asked_is_told_at_once_with_its_character(desk: Desk) -> None:
    desk.patients.save(replace(desk.patient(), traits=replace(desk.patient().traits, birth_family="Adrun 2")))

    with pytest.raises(InvalidInput) as refused:
        ask_insi(desk.record, "p-1", site="nord", by="acc", event_id="q", now=NOW)

    assert ("character_not_allowed", "birth_family", "U+0032") == (refused.value.code, refused.value.field, refused.value.detail)
    assert not ask_on_booking(desk.record, "p-1", site="nord", by="acc", accession="26000001", now=NOW)


def test_booking_asks_once_and_only_for_whom_it_is_needed(desk: Desk) -> None:
    for _ in range(2):
        assert ask_on_booking(desk.record, "p-1", site="nord", by="acc", accession="26000001", now=NOW)
    desk.run()

    assert not ask_on_booking(desk.record, "p-1", site="nord", by="acc", accession="26000002", now=NOW)
    assert ["booking-26000001"] == [event.event_id for event in desk.workflows.started]


def test_a_bad_day_is_one_incident_the_sweep_asks_again_and_the_incident_ends(desk: Desk) -> None:
    desk.insi.script = [unavailable(raw=b"<html/>") for _ in range(4)]
    for _ in range(3):
        desk.ask()
    desk.ask()  # refused here: the breaker is open

    assert 3 == len(desk.insi.calls)
    assert ("PROV", InsiState.FAILED, "insi_breaker_open") == (
        (patient := desk.patient()).status.value, patient.insi and patient.insi.state, patient.insi and patient.insi.reason
    )  # fmt: skip
    (incident,) = desk.breakers.incidents("insi", limit=9)
    assert (3, None, "insi_503") == (incident.failures, incident.closed_at, incident.code)
    assert BreakerState.OPEN is desk.breakers.get("insi").state

    for minutes in (10, 25):
        desk.later(minutes=minutes)
        assert 1 == sweep_identity(desk.record, desk.applying, "nord", desk.now).asked
        desk.run()

    assert [False, False] == [call.by_person for call in desk.insi.calls[3:]]
    assert ("RECUP", None) == (desk.patient().status.value, desk.patient().due_at)
    (incident,) = desk.breakers.incidents("insi", limit=9)
    assert (4, desk.now) == (incident.failures, incident.closed_at)
    assert 0 == sweep_identity(desk.record, desk.applying, "nord", desk.later(days=30)).asked


def test_two_sweeps_at_once_ask_once_and_a_dead_question_is_asked_again_later(desk: Desk) -> None:
    desk.insi.script = [unavailable()]
    desk.ask()
    desk.later(minutes=10)

    for _ in range(2):
        sweep_identity(desk.record, desk.applying, "nord", desk.now)
    assert 2 == len(desk.workflows.started)
    started = len(desk.workflows.started)
    sweep_identity(desk.record, desk.applying, "nord", desk.later(minutes=3))

    assert started < len(desk.workflows.started)


def test_a_wrong_certificate_is_for_a_person_and_no_outage(desk: Desk) -> None:
    desk.insi.script = [InsiRejected("desir_560") for _ in range(5)]

    for _ in range(5):
        desk.ask()

    assert 5 == len(desk.insi.calls)
    assert [] == desk.breakers.incidents("insi", limit=9)
    assert ("desir_560", None) == ((patient := desk.patient()).insi and patient.insi.reason, patient.due_at)


QUERY = InsiQuery("ADRUN", "ZOE", "F", "1975-12-31")
SETTINGS = InsiSettings("https://insi.invalid/lps", "IDAM", "ris", "1", "i", "OU", {"1.2.250.1.213.1.4.8": "1.2.250.1.213.1.4.10"})
GOOD = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header>'
    b'<a:RelatesTo>uuid:m-1</a:RelatesTo></s:Header><s:Body><RESULTAT xmlns="http://www.cnamts.fr/INSiResultat"><CR><CodeCR>00</CodeCR>'
    b"<LibelleCR>OK</LibelleCR></CR><INDIVIDU><INSACTIF><IdIndividu><NumIdentifiant>2751263220749</NumIdentifiant><Cle>74</Cle>"
    b"</IdIndividu><OID>1.2.250.1.213.1.4.8</OID></INSACTIF><TIQ><NomNaissance>ADRUN</NomNaissance><Prenom>ZOE</Prenom>"
    b"<ListePrenom>ZOE</ListePrenom><Sexe>F</Sexe><DateNaissance>1975-12-31</DateNaissance><LieuNaissance>63220</LieuNaissance>"
    b"</TIQ></INDIVIDU></RESULTAT></s:Body></s:Envelope>"
)


class Answering(InsiSoap):
    """The adapter with its connection replaced by what INSi would say."""

    def _post(self, content: bytes, tls: Any) -> tuple[int, bytes]:
        return answers[0]


answers: list[tuple[int, bytes]] = []


def soap(status: int, content: bytes) -> Answering:
    answers[:] = [(status, content)]
    return Answering(SETTINGS, tls_manual=None, tls_automatic=None, new_id=lambda: "m-1")  # type: ignore[arg-type]


def test_an_answer_is_read_as_received_with_the_oid_of_the_environment() -> None:
    found = soap(200, GOOD).search(QUERY, by_person=True, now=NOW).found

    assert ZOE == found


@pytest.mark.parametrize(
    ("status", "content", "code"),
    [
        (200, b"pas du XML", "insi_answer_unreadable"),
        (200, b"", "insi_answer_unreadable"),
        (200, GOOD[: len(GOOD) // 2], "insi_answer_unreadable"),
        (200, b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + GOOD, "insi_answer_unreadable"),
        (200, b"<html><body>OK</body></html>", "insi_answer_unreadable"),
        (200, GOOD.replace(b"m-1", b"m-2"), "insi_answer_unreadable"),
        (200, GOOD.replace(b">00<", b">77<"), "insi_answer_unreadable"),
        (200, GOOD.replace(b"INSACTIF", b"INSPASSE"), "insi_answer_unreadable"),
        (503, GOOD, "insi_503"),
        (504, b"", "insi_504"),
    ],
)
def test_an_answer_that_cannot_be_believed_is_unavailable_and_kept(desk: Desk, status: int, content: bytes, code: str) -> None:
    service = soap(status, content)

    with pytest.raises(RemoteUnavailable) as failed:
        service.search(QUERY, by_person=True, now=NOW)
    assert (code, content) == (failed.value.code, failed.value.raw)  # type: ignore[attr-defined]

    desk.insi.script = [failed.value]
    desk.ask()
    (kept,) = desk.patients.answers("p-1", limit=9)
    assert (code, content) == (kept.error, kept.raw)
    assert (InsiState.FAILED, True) == ((patient := desk.patient()).insi and patient.insi.state, patient.due_at is not None)


def test_a_fault_of_rights_is_rejected_and_its_bytes_kept() -> None:
    fault = (
        b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode>'
        b'<s:Value>siram_100</s:Value></s:Subcode></s:Code><s:Detail><e:Erreur xmlns:e="urn:siram" severite="erreur" code="desir_550"/>'
        b"</s:Detail></s:Fault></s:Body></s:Envelope>"
    )

    with pytest.raises(RemoteRejected) as rejected:
        soap(500, fault).search(QUERY, by_person=True, now=NOW)

    assert ("desir_550", fault) == (rejected.value.code, rejected.value.raw)  # type: ignore[attr-defined]


@pytest.mark.parametrize("cut", range(0, len(GOOD), 7))
def test_a_cut_answer_is_never_half_believed(cut: int) -> None:
    with pytest.raises(RemoteUnavailable, match="insi_answer_unreadable"):
        read_answer(GOOD[:cut], oid_mapping={}, message_id="m-1")


def test_time_that_passes_between_two_questions_names_two_answers(desk: Desk) -> None:
    desk.insi.script = [unavailable(), InsiAnswer("01")]
    desk.ask()
    desk.now += timedelta(microseconds=1)
    desk.ask()

    assert 2 == len(desk.patients.answers("p-1", limit=9))
