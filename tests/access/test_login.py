"""From the browser that leaves to the session that is open, and every way it is not opened."""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from ris.application.access.begin_login import begin_login
from ris.application.access.finish_login import FinishedLogin, finish_login
from ris.domain.access.session import PscSession, SessionLimits
from ris.domain.errors import InvalidInput, NotAllowed, RemoteUnavailable, RisError
from tests.support.access import NOW, House

CALLBACK = "https://ris.example/login/group/callback"


def _begin(house: House, *, provider: str = "group", return_to: str = "/", login_cookie: str = "") -> tuple[str, str]:
    """Start a login and return (state, value of the login cookie)."""
    begun = begin_login(house.services, provider, redirect_uri=CALLBACK, now=NOW, return_to=return_to, login_cookie=login_cookie)
    return parse_qs(urlsplit(begun.authorization_url).query)["state"][0], begun.login_cookie


def _finish(house: House, cookie: str, *, provider: str = "group", after_s: float = 5, **parameters: list[str]) -> FinishedLogin:
    now = NOW + timedelta(seconds=after_s)
    return finish_login(house.services, provider, parameters, login_cookie=cookie, now=now, source_ip="192.0.2.7")


def test_a_login_opens_a_session_and_leaves_one_record() -> None:
    house = House()
    state, cookie = _begin(house, return_to="/agenda?day=2026-03-02")

    done = _finish(house, cookie, state=[state], code=["c"])

    assert done.return_to == "/agenda?day=2026-03-02"
    assert (done.session.account_id, done.session.sites, done.session.provider) == ("accueil.nord", ("nord",), "group")
    assert done.session.id_token == "the id token"
    assert house.sessions.get(done.session.session_id) == done.session
    ((record),) = house.audit.records
    assert (record.action, record.result, record.account_id) == ("login", "allowed", "accueil.nord")
    assert (record.source_ip, record.provider, record.site) == ("192.0.2.7", "group", "-")


def test_nothing_that_opens_a_session_is_stored_as_it_is() -> None:
    house = House()
    state, cookie = _begin(house)
    done = _finish(house, cookie, state=[state], code=["c"])

    kept = repr(vars(house.sessions))

    assert done.session_token not in kept
    assert state not in kept
    assert hashlib.sha256(done.session_token.encode()).hexdigest() == done.session.session_id


def test_the_provider_gets_the_challenge_of_the_verifier_that_follows() -> None:
    house = House()
    state, cookie = _begin(house)
    _finish(house, cookie, state=[state], code=["c"])

    begun, finished = house.provider.asked

    digest = hashlib.sha256(str(finished["code_verifier"]).encode()).digest()
    assert begun["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert begun["nonce"] == finished["nonce"]
    assert begun["redirect_uri"] == finished["redirect_uri"] == CALLBACK


def test_a_state_serves_once() -> None:
    house = House()
    state, cookie = _begin(house)
    _finish(house, cookie, state=[state], code=["c"])

    with pytest.raises(NotAllowed, match="unknown_state"):
        _finish(house, cookie, state=[state], code=["c"])


def test_of_many_callbacks_at_once_one_opens_a_session() -> None:
    house = House()
    state, cookie = _begin(house)

    def attempt(_: int) -> str:
        try:
            _finish(house, cookie, state=[state], code=["c"])
        except NotAllowed as refusal:
            return refusal.code
        return "open"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(32)))

    assert outcomes.count("open") == 1
    assert outcomes.count("unknown_state") == 31


FAILING: list[tuple[str, dict[str, list[str]], str]] = [
    ("the person refuses", {"error": ["access_denied"]}, "provider_refused"),
    ("no code", {}, "missing_parameter"),
    ("empty code", {"code": [""]}, "missing_parameter"),
    ("a parameter twice", {"code": ["c", "d"]}, "repeated_parameter"),
    ("an unknown parameter twice", {"code": ["c"], "x": ["1", "2"]}, "repeated_parameter"),
    ("error and code", {"code": ["c"], "error": ["x"]}, "provider_refused"),
]


@pytest.mark.parametrize(("parameters", "code"), [case[1:] for case in FAILING], ids=[case[0] for case in FAILING])
def test_the_state_is_consumed_by_its_first_callback_whatever_follows(parameters: dict[str, list[str]], code: str) -> None:
    house = House()
    state, cookie = _begin(house)

    with pytest.raises(RisError, match=code):
        _finish(house, cookie, state=[state], **parameters)
    with pytest.raises(NotAllowed, match="unknown_state"):
        _finish(house, cookie, state=[state], code=["c"])

    assert [record.code for record in house.audit.records] == [code, "unknown_state"]
    assert all(record.result == "refused" for record in house.audit.records)


@pytest.mark.parametrize("cookie", ["", "another browser's"])
def test_a_callback_in_another_browser_opens_nothing(cookie: str) -> None:
    house = House()
    state, own_cookie = _begin(house)

    with pytest.raises(NotAllowed, match="other_browser"):
        _finish(house, cookie, state=[state], code=["c"])
    with pytest.raises(NotAllowed, match="unknown_state"):
        _finish(house, own_cookie, state=[state], code=["c"])


def test_a_repeated_state_is_refused_and_none_of_them_serves_again() -> None:
    house = House()
    first, cookie = _begin(house)
    second, _ = _begin(house, login_cookie=cookie)

    with pytest.raises(InvalidInput, match="repeated_parameter"):
        _finish(house, cookie, state=[first, second], code=["c"])

    for state in (first, second):
        with pytest.raises(NotAllowed, match="unknown_state"):
            _finish(house, cookie, state=[state], code=["c"])


def test_the_callback_of_one_door_does_not_end_a_login_at_the_other() -> None:
    house = House()
    state, cookie = _begin(house, provider="psc")

    with pytest.raises(NotAllowed, match="other_provider"):
        _finish(house, cookie, provider="group", state=[state], code=["c"])


def test_a_login_that_took_too_long_starts_again() -> None:
    house = House()
    state, cookie = _begin(house)

    with pytest.raises(NotAllowed, match="login_expired"):
        _finish(house, cookie, after_s=600, state=[state], code=["c"])


def test_two_tabs_log_in_side_by_side() -> None:
    house = House()
    first, cookie = _begin(house)
    second, same = _begin(house, login_cookie=cookie)

    assert same == cookie
    assert _finish(house, cookie, state=[second], code=["c"]).session.account_id == "accueil.nord"
    assert _finish(house, cookie, state=[first], code=["c"]).session.account_id == "accueil.nord"


@pytest.mark.parametrize("given", ["short", "x" * 44, "é" * 43, "a" * 42 + ";"])
def test_a_login_cookie_of_another_form_is_replaced(given: str) -> None:
    assert _begin(House(), login_cookie=given)[1] != given


@pytest.mark.parametrize(
    "elsewhere",
    ["https://attacker.example", "//attacker.example", "/\\attacker.example", "\\/attacker.example", "javascript:alert(1)", "",
     "/a\r\nSet-Cookie: x=1", "/a b", "/" + "a" * 600, "agenda", "/\t/attacker.example"],
)  # fmt: skip
def test_one_comes_back_to_a_page_of_ours_only(elsewhere: str) -> None:
    house = House()
    state, cookie = _begin(house, return_to=elsewhere)

    assert _finish(house, cookie, state=[state], code=["c"]).return_to == "/"


@pytest.mark.parametrize(("subject", "code"), [("nobody", "unknown_account"), ("parti", "no_role")])
def test_a_person_without_an_account_or_a_role_gets_a_name_for_it_and_a_record(subject: str, code: str) -> None:
    house = House()
    house.provider.subject = subject
    state, cookie = _begin(house)

    with pytest.raises(NotAllowed, match=code):
        _finish(house, cookie, state=[state], code=["c"])

    assert [record.code for record in house.audit.records] == [code]
    assert subject not in house.audit.records[0].object_id


def test_what_the_provider_fails_at_is_kept_by_its_name() -> None:
    house = House()
    house.provider.fails = RemoteUnavailable("provider_unreachable")
    state, cookie = _begin(house)

    with pytest.raises(RemoteUnavailable):
        _finish(house, cookie, state=[state], code=["c"])

    assert [record.code for record in house.audit.records] == ["provider_unreachable"]


def test_a_professional_s_session_ends_after_four_hours_and_carries_what_psc_vouched_for() -> None:
    house = House()
    house.provider.subject = "99900012347"
    house.provider.psc = PscSession("899900012347", "eidas1", NOW)
    state, cookie = _begin(house, provider="psc")

    session = _finish(house, cookie, provider="psc", after_s=0, state=[state], code=["c"]).session

    assert session.expires_at - session.created_at == timedelta(hours=4)
    assert (session.rpps, session.psc) == ("99900012347", PscSession("899900012347", "eidas1", NOW))


def test_a_group_session_ends_after_ten_hours() -> None:
    house = House()
    state, cookie = _begin(house)

    session = _finish(house, cookie, after_s=0, state=[state], code=["c"]).session

    assert session.expires_at - session.created_at == timedelta(hours=10)


def test_a_setting_cannot_make_a_psc_session_longer_than_psc_does() -> None:
    with pytest.raises(ValueError, match="4 h"):
        SessionLimits(psc=timedelta(hours=4, seconds=1))


def test_a_door_that_is_not_configured_is_no_door() -> None:
    house = House()

    with pytest.raises(InvalidInput, match="unknown_provider"):
        begin_login(replace(house.services, providers={}), "psc", redirect_uri=CALLBACK, now=NOW)
