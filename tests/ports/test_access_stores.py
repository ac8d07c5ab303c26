"""Sessions, pending logins and audit records: the memory twin and DynamoDB, one suite."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from ris.adapters.access.dynamodb import DynamoAuditTrail, DynamoSessionStore
from ris.adapters.access.memory import MemoryAuditTrail, MemorySessionStore
from ris.application.access.begin_login import fingerprint
from ris.application.access.ports import AuditTrail, SessionStore
from ris.application.conflicts import Conflict
from ris.domain.access.audit import AuditBy, AuditRecord
from ris.domain.access.kept import KeptForm
from ris.domain.access.session import PendingLogin, PscSession
from tests.support.access import NOW, a_session
from tests.support.cloud import deployed_cloud
from tests.support.tables import own_table

cloud = deployed_cloud()
BOTH = pytest.mark.parametrize("kind", ["memory", "dynamodb"])
SESSION = replace(
    a_session(nord="receptionist secretary", sud="it"),
    rights=frozenset({"query_insi"}),
    psc=PscSession("899900012347", "eidas1", NOW, "10", "SM44"),
    rpps="99900012347",
    id_token="the id token",
)
LOGIN = PendingLogin(
    state_id="s" * 64,
    provider="psc",
    browser_id="b" * 64,
    nonce="nonce",
    code_verifier="verifier",
    redirect_uri="https://ris.example/cb",
    return_to="/agenda",
    expires_at=NOW + timedelta(minutes=10, microseconds=7),
)
RECORD = AuditRecord("id1", NOW, "nord", "read_exam", "allowed", account_id="somebody", role="secretary", object_id="A1")


@pytest.fixture
def sessions(kind: str, request: pytest.FixtureRequest) -> SessionStore:
    return MemorySessionStore() if kind == "memory" else DynamoSessionStore(own_table(request.getfixturevalue("cloud")))


@pytest.fixture
def trail(kind: str, request: pytest.FixtureRequest) -> AuditTrail:
    return MemoryAuditTrail() if kind == "memory" else DynamoAuditTrail(own_table(request.getfixturevalue("cloud")))


@BOTH
@pytest.mark.parametrize(
    "session",
    [SESSION, replace(SESSION, psc=None, rpps="", id_token=""), replace(SESSION, psc=PscSession("899900012347", "eidas1"))],
)
def test_a_session_comes_back_as_it_was_written(sessions: SessionStore, session: object) -> None:
    sessions.create(session)  # type: ignore[arg-type]

    assert sessions.get(SESSION.session_id) == session


@BOTH
def test_a_session_that_is_not_there_is_none(sessions: SessionStore) -> None:
    assert sessions.get("f" * 64) is None
    assert sessions.delete("f" * 64) is None
    sessions.touch("f" * 64, NOW)
    assert sessions.get("f" * 64) is None


@BOTH
def test_a_write_repeated_because_its_answer_was_lost_is_one_write_and_another_is_a_conflict(sessions: SessionStore) -> None:
    sessions.create(SESSION)
    sessions.create(SESSION)

    with pytest.raises(Conflict):
        sessions.create(replace(SESSION, account_id="somebody else"))

    assert sessions.get(SESSION.session_id) == SESSION


@BOTH
def test_the_last_request_moves_forward_and_never_back(sessions: SessionStore) -> None:
    sessions.create(SESSION)

    sessions.touch(SESSION.session_id, NOW + timedelta(minutes=5))
    sessions.touch(SESSION.session_id, NOW + timedelta(minutes=3))

    assert sessions.get(SESSION.session_id) == replace(SESSION, last_seen_at=NOW + timedelta(minutes=5))


@BOTH
def test_a_session_is_ended_once_and_does_not_come_back_by_a_late_touch(sessions: SessionStore) -> None:
    sessions.create(SESSION)

    assert sessions.delete(SESSION.session_id) == SESSION
    assert sessions.delete(SESSION.session_id) is None
    sessions.touch(SESSION.session_id, NOW + timedelta(minutes=5))
    assert sessions.get(SESSION.session_id) is None


@BOTH
def test_a_pending_login_is_given_to_one_of_many_who_ask_at_once(sessions: SessionStore) -> None:
    sessions.begin(LOGIN)

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(sessions.consume, [LOGIN.state_id] * 24))

    assert [login for login in taken if login] == [LOGIN]


@BOTH
def test_a_pending_login_of_the_same_state_is_a_conflict(sessions: SessionStore) -> None:
    sessions.begin(LOGIN)

    with pytest.raises(Conflict):
        sessions.begin(replace(LOGIN, nonce="another"))

    assert sessions.consume(LOGIN.state_id) == LOGIN


@BOTH
def test_a_record_is_appended_once_and_never_changed(trail: AuditTrail) -> None:
    trail.append(RECORD)
    trail.append(RECORD)

    with pytest.raises(Conflict):
        trail.append(replace(RECORD, result="refused"))

    assert trail.of_day("nord", "2026-03-02", limit=10) == [RECORD]


@BOTH
def test_the_records_of_a_site_and_day_come_in_the_order_of_time_page_by_page(trail: AuditTrail) -> None:
    hours: Callable[[float], AuditRecord] = lambda h: replace(RECORD, instant=NOW + timedelta(hours=h), audit_id=f"id{h}")  # noqa: E731
    wanted = [hours(0), hours(0.5), hours(3)]
    for record in (wanted[2], wanted[0], wanted[1], replace(RECORD, site="sud"), hours(24)):
        trail.append(record)

    first = trail.of_day("nord", "2026-03-02", limit=2)
    last = first[-1]
    cursor = f"{last.instant:%Y-%m-%dT%H:%M:%S.%fZ}#{last.audit_id}"

    assert first == wanted[:2]
    assert trail.of_day("nord", "2026-03-02", limit=2, after=cursor) == wanted[2:]


@BOTH
@pytest.mark.parametrize(
    ("by", "value"), [(AuditBy.PATIENT, "p1"), (AuditBy.ACCOUNT, "a#1"), (AuditBy.ACTION, "read_exam"), (AuditBy.DAY, "2026-03-02")]
)
def test_each_list_gives_its_records_newest_first_within_a_period_and_behind_a_cursor(
    trail: AuditTrail, by: AuditBy, value: str
) -> None:
    of = replace(RECORD, account_id="a#1", patient_id="p1")
    wanted = [replace(of, instant=NOW + timedelta(minutes=minutes), audit_id=f"id{minutes}") for minutes in range(5)]
    others = [
        replace(RECORD, account_id="b", action="other", audit_id="x", instant=NOW + timedelta(days=1)),
        replace(of, site="sud"),
    ]
    for record in (*others, *wanted):
        trail.append(record)
    key = "2026-03-02T09:3{}:00.000000Z#id{}".format

    assert wanted[::-1] == trail.newest("nord", by, value, limit=10, until="2026-03-03")
    assert wanted[:0:-1] == trail.newest("nord", by, value, limit=10, since="2026-03-02T09:31:00.000000Z", until="2026-03-03")
    assert wanted[2:0:-1] == trail.newest("nord", by, value, limit=2, until="2026-03-03", after=key(3, 3))
    assert wanted[1::-1] == trail.newest("nord", by, value, limit=10, until="2026-03-02T09:32:00.000000Z")
    assert [] == trail.newest("nord", by, "nobody", limit=10)


@BOTH
def test_a_record_that_is_listed_is_appended_once_too_and_another_of_its_key_leaves_no_pointer(trail: AuditTrail) -> None:
    of = replace(RECORD, patient_id="p1")
    trail.append(of)
    trail.append(of)

    with pytest.raises(Conflict):
        trail.append(replace(of, patient_id="p2"))

    assert [of] == trail.newest("nord", AuditBy.PATIENT, "p1", limit=10)
    assert [] == trail.newest("nord", AuditBy.PATIENT, "p2", limit=10)


def test_what_the_table_removes_by_itself_is_what_ended(cloud: object) -> None:
    table = own_table(cloud)  # type: ignore[arg-type]
    store = DynamoSessionStore(table)
    store.create(SESSION)
    store.begin(LOGIN)

    session = table.get(f"SESSION#{SESSION.session_id}", "SESSION")
    login = table.get(f"LOGIN#{LOGIN.state_id}", "LOGIN")

    assert session
    assert session["expires_at"] >= SESSION.expires_at.timestamp()
    assert login
    assert login["expires_at"] >= LOGIN.expires_at.timestamp()


FORM = KeptForm("dr.rayon", "/exams/A1/report", {"text-0": "œ \ud800 \x00", "rev": "3"}, NOW)


@BOTH
def test_a_kept_form_comes_back_to_its_account_and_page_alone_and_the_newest_stands(sessions: SessionStore) -> None:
    sessions.keep_form(replace(FORM, fields={"text-0": "before"}))
    sessions.keep_form(FORM)

    assert sessions.kept_form("dr.rayon", "/exams/A1/report") == FORM
    assert sessions.kept_form("dr.other", "/exams/A1/report") is None
    assert sessions.kept_form("dr.rayon", "/exams/A2/report") is None
    for _ in range(2):
        sessions.drop_form("dr.rayon", "/exams/A1/report")
    assert sessions.kept_form("dr.rayon", "/exams/A1/report") is None


@BOTH
def test_the_longest_report_can_be_kept(sessions: SessionStore) -> None:
    long = replace(FORM, fields={"text-0": "".join(chr(0xC0 + n * n % 64) for n in range(200_000))})

    sessions.keep_form(long)

    assert sessions.kept_form(long.account_id, long.place) == long


@BOTH
def test_the_writer_of_a_form_is_known_by_its_token_after_the_session_has_gone(sessions: SessionStore) -> None:
    sessions.create(SESSION)
    sessions.delete(SESSION.session_id)

    assert sessions.writer_of(fingerprint(SESSION.csrf_token)) == SESSION.account_id
    assert sessions.writer_of(SESSION.csrf_token) == ""
    assert sessions.writer_of(fingerprint("another")) == ""
