"""A session once open: whose request it is, when it ends, and what ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ris.adapters.reference.memory import MemoryReferenceTable
from ris.application.access.begin_login import begin_login
from ris.application.access.finish_login import FinishedLogin, finish_login
from ris.application.access.logout import logout
from ris.application.access.record_audit import record_audit
from ris.application.access.session_of import check_csrf, session_of
from ris.application.load_reference import load_reference
from ris.application.reference import ReferenceData
from ris.domain.access.audit import Visit
from ris.domain.access.session import Account
from ris.domain.errors import NotAllowed
from tests.support.access import ACCOUNTS, NOW, House, a_session

VISIT = Visit("read_agenda", "nord", "2026-03-02", "192.0.2.7")


def _open(house: House) -> FinishedLogin:
    begun = begin_login(house.services, "group", redirect_uri="https://ris.example/cb", now=NOW)
    state = begun.authorization_url.split("state=")[1]
    done = finish_login(house.services, "group", {"state": [state], "code": ["c"]}, login_cookie=begun.login_cookie, now=NOW)
    house.audit.records.clear()
    return done


def _later(**span: float) -> timedelta:
    return timedelta(**span)


def test_a_request_belongs_to_the_session_of_its_cookie_and_is_not_recorded_by_that_alone() -> None:
    house = House()
    token = _open(house).session_token

    session = session_of(house.services, token, VISIT, now=NOW)

    assert (session.account_id, session.sites) == ("accueil.nord", ("nord",))
    assert house.audit.records == []


@pytest.mark.parametrize("token", ["", "x", "9" * 6 + "-" + "t" * 36, "\ud800", "a" * 10_000])
def test_a_cookie_nobody_gave_out_is_refused_with_a_record(token: str) -> None:
    house = House()
    _open(house)

    with pytest.raises(NotAllowed, match="no_session"):
        session_of(house.services, token, VISIT, now=NOW)

    ((record),) = house.audit.records
    assert (record.action, record.site, record.object_id, record.code) == ("read_agenda", "nord", "2026-03-02", "no_session")
    assert record.account_id == ""


def test_the_stored_id_of_a_session_does_not_open_it() -> None:
    house = House()
    session_id = _open(house).session.session_id

    with pytest.raises(NotAllowed, match="no_session"):
        session_of(house.services, session_id, VISIT, now=NOW)


def test_without_a_request_for_thirty_minutes_the_session_is_locked() -> None:
    house = House()
    token = _open(house).session_token

    session_of(house.services, token, VISIT, now=NOW + _later(minutes=29, seconds=59))
    session_of(house.services, token, VISIT, now=NOW + _later(minutes=59))
    with pytest.raises(NotAllowed, match="session_idle"):
        session_of(house.services, token, VISIT, now=NOW + _later(minutes=89))

    assert [record.code for record in house.audit.records] == ["session_idle"]
    assert house.audit.records[0].account_id == "accueil.nord"
    with pytest.raises(NotAllowed, match="no_session"):
        session_of(house.services, token, VISIT, now=NOW + _later(minutes=89))


def test_a_page_that_asks_by_itself_does_not_keep_an_unattended_session_open() -> None:
    house = House()
    token = _open(house).session_token
    for minutes in range(1, 30):
        session_of(house.services, token, VISIT, now=NOW + _later(minutes=minutes), active=False)

    with pytest.raises(NotAllowed, match="session_idle"):
        session_of(house.services, token, VISIT, now=NOW + _later(minutes=30), active=False)


def test_however_busy_it_is_the_session_ends() -> None:
    house = House()
    token = _open(house).session_token
    for minutes in range(20, 600, 20):
        session_of(house.services, token, VISIT, now=NOW + _later(minutes=minutes))

    with pytest.raises(NotAllowed, match="session_expired"):
        session_of(house.services, token, VISIT, now=NOW + _later(hours=10))


def test_a_session_is_written_at_most_once_a_minute() -> None:
    house = House()
    done = _open(house)
    touched: list[object] = []
    touch = house.sessions.touch
    house.sessions.touch = lambda *args: (touched.append(args), touch(*args))[1]  # type: ignore[method-assign]

    for second in range(0, 120, 5):
        session_of(house.services, done.session_token, VISIT, now=NOW + _later(seconds=second))

    assert len(touched) == 1


def _reload(table: MemoryReferenceTable, *accounts: Account) -> None:
    load_reference(table, ReferenceData(accounts=accounts, logins=ACCOUNTS.logins), now=NOW)


def test_a_role_taken_away_is_gone_at_the_next_request() -> None:
    house = House()
    token = _open(house).session_token
    _reload(house.table, Account("accueil.nord", "Nadia Perrin", {"sud": frozenset({"secretary"})}))

    session = session_of(house.services, token, VISIT, now=NOW)

    assert session.roles == {"sud": frozenset({"secretary"})}


@pytest.mark.parametrize("accounts", [(), (Account("accueil.nord", "Nadia Perrin", {}),)])
def test_an_account_closed_or_without_a_role_ends_its_sessions(accounts: tuple[Account, ...]) -> None:
    house = House()
    done = _open(house)
    _reload(house.table, *accounts)

    with pytest.raises(NotAllowed, match="account_closed"):
        session_of(house.services, done.session_token, VISIT, now=NOW)

    assert house.sessions.get(done.session.session_id) is None
    assert [record.code for record in house.audit.records] == ["account_closed"]


def test_a_logout_ends_the_session_here_and_at_the_provider() -> None:
    house = House()
    token = _open(house).session_token

    url = logout(house.services, token, post_logout_redirect_uri="https://ris.example/out", now=NOW, source_ip="192.0.2.7")

    assert url == "https://provider.example/logout?id_token_hint=the id token"
    assert [(r.action, r.result, r.account_id) for r in house.audit.records] == [("logout", "allowed", "accueil.nord")]
    with pytest.raises(NotAllowed, match="no_session"):
        session_of(house.services, token, VISIT, now=NOW)


@pytest.mark.parametrize("token", ["", "nobody's"])
def test_a_logout_without_a_session_goes_to_our_own_page(token: str) -> None:
    house = House()

    url = logout(house.services, token, post_logout_redirect_uri="https://ris.example/out", now=NOW)

    assert (url, house.audit.records) == ("https://ris.example/out", [])


def test_a_form_needs_the_token_of_its_own_session() -> None:
    check_csrf(a_session(), "csrf")
    for given in ("", "CSRF", "csrf ", "csrfé", "\ud800"):
        with pytest.raises(NotAllowed, match="csrf"):
            check_csrf(a_session(), given)


def test_a_record_says_who_in_what_role_did_what_where_from_and_when() -> None:
    house = House()

    record = record_audit(house.services, a_session(nord="secretary"), VISIT, result="allowed", role="secretary", now=NOW)

    assert house.audit.records == [record]
    assert (record.account_id, record.role, record.action, record.object_id) == (
        "somebody",
        "secretary",
        "read_agenda",
        "2026-03-02",
    )
    assert (record.site, record.day, record.source_ip, record.result) == ("nord", "2026-03-02", "192.0.2.7", "allowed")
