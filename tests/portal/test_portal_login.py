"""Coming in by two doors, being sent back where one wanted to go, and going out for good."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from ris.domain.errors import NotAllowed, RemoteUnavailable
from tests.support.portal import ADDRESS, PortalHouse

SESSION = "__Host-ris-session-test"
LOGIN = "__Host-ris-login-test"


@pytest.mark.segur("PSC.01")
@pytest.mark.parametrize(
    ("door", "subject", "first"), [("group", "accueil.nord", "/sites/nord/desk"), ("psc", "99900010010", "/sites/nord/reading")]
)
def test_a_login_through_either_door_ends_on_the_first_page_of_ones_work(door, subject, first):
    house = PortalHouse()
    subject = subject if door == "group" else _a_radiologist(house)
    browser = house.browser()

    answer = browser.login(house.provider, subject, door)

    assert [303, "/"] == [answer.status, answer.headers["Location"]]
    assert first == browser.get("/").headers["Location"]
    assert 200 == browser.follow(answer).status


def _a_radiologist(house):
    from tests.support.portal import reference

    accounts = {account.account_id: account for account in reference().accounts}
    logins = [login for login in reference().logins if login.provider == "psc"]
    return next(login.subject for login in logins if "radiologist" in accounts[login.account_id].roles.get("nord", ()))


def test_the_provider_gets_our_public_address_whatever_the_host_header_says():
    house = PortalHouse()

    house.browser("accueil.nord")

    assert {f"{ADDRESS}/login/group/callback"} == {asked["redirect_uri"] for asked in house.provider.asked}


def test_both_cookies_are_host_only_secure_and_out_of_reach_of_scripts():
    house = PortalHouse()
    browser = house.browser()

    begun = browser.get("/login/group")
    state = parse_qs(urlsplit(begun.headers["Location"]).query)["state"][0]
    finished = browser.get(f"/login/group/callback?code=c&state={state}")

    opened, ended = finished.cookies
    assert begun.cookies[0].startswith(f"{LOGIN}=")
    assert opened.startswith(f"{SESSION}=")
    assert ended.startswith(f"{LOGIN}=;")
    for cookie in (*begun.cookies, opened, ended):
        assert "; Path=/; Secure; HttpOnly; SameSite=Lax" in cookie
        assert "Domain" not in cookie
    assert "Max-Age" not in opened
    assert not any(token in finished.body for token in browser.cookies.values())


def test_a_link_followed_without_session_is_reached_after_the_login():
    house = PortalHouse()
    browser = house.browser()

    sent = browser.get("/sites/nord/agenda?day=2026-11-27")
    page = browser.get(sent.headers["Location"])
    begun = browser.get(next(url for url in page.attributes("href") if url.startswith("/login/group")))
    house.provider.subject = "accueil.nord"
    state = parse_qs(urlsplit(begun.headers["Location"]).query)["state"][0]
    finished = browser.get(f"/login/group/callback?code=c&state={state}")

    assert "/sites/nord/agenda?day=2026-11-27" == finished.headers["Location"]


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nb"])
def test_a_login_returns_only_to_our_own_pages(target):
    house = PortalHouse()
    browser = house.browser()

    assert "/" == browser.login(house.provider, "accueil.nord", next_path=target).headers["Location"]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (lambda state: f"code=c&state={state}&state={state}", 400),
        (lambda state: f"code=c&code=d&state={state}", 400),
        (lambda state: f"state={state}", 400),
        (lambda state: "code=c&state=unknown", 403),
        (lambda state: f"error=access_denied&state={state}", 403),
    ],
)
def test_a_callback_that_is_not_right_opens_nothing_and_its_state_is_spent(fault, status):
    house = PortalHouse()
    browser = house.browser()
    state = parse_qs(urlsplit(browser.get("/login/group").headers["Location"]).query)["state"][0]

    wrong = browser.get(f"/login/group/callback?{fault(state)}")

    assert status == wrong.status
    assert SESSION not in browser.cookies
    assert wrong.attributes("data-provider") == ["group", "psc"]
    if "unknown" not in fault(state):
        assert 403 == browser.get(f"/login/group/callback?code=c&state={state}").status


def test_a_callback_in_another_browser_opens_nothing():
    house = PortalHouse()
    state = parse_qs(urlsplit(house.browser().get("/login/group").headers["Location"]).query)["state"][0]

    answer = house.browser().get(f"/login/group/callback?code=c&state={state}")

    assert [403, "other_browser"] == [answer.status, answer.attributes("data-problem")[0]]


@pytest.mark.parametrize(("error", "status"), [(NotAllowed("token_nonce"), 403), (RemoteUnavailable("provider_unreachable"), 503)])
def test_a_provider_that_fails_gives_the_doors_again_with_the_reason(error, status):
    house = PortalHouse()
    house.provider.fails = error

    answer = house.browser().login(house.provider, "accueil.nord")

    assert [status, error.code] == [answer.status, answer.attributes("data-problem")[0]]


def test_a_provider_that_cannot_be_reached_at_the_start_is_said():
    house = PortalHouse()

    def unreachable(**_):
        raise RemoteUnavailable("provider_unreachable")

    house.provider.authorization_url = unreachable
    answer = house.browser().get("/login/group?next=/patients")

    assert 503 == answer.status
    assert "/login/group?next=%2Fpatients" in answer.attributes("href")


def test_an_unknown_door_does_not_exist():
    assert 404 == PortalHouse().browser().get("/login/google").status


@pytest.mark.parametrize(("visits", "reason"), [(0, "session_idle"), (29, "session_expired")])
def test_an_expired_session_gives_the_login_and_afterwards_the_page(visits, reason):
    house = PortalHouse()
    browser = house.browser("accueil.nord")
    for _ in range(visits):  # busy to the last minute of the session's absolute life
        house.now += timedelta(minutes=20)
        assert 200 == browser.get("/account").status
    house.now += timedelta(minutes=31)

    sent = browser.get("/patients")
    page = browser.get(sent.headers["Location"])
    back = browser.login(house.provider, "accueil.nord", next_path=parse_qs(urlsplit(sent.headers["Location"]).query)["next"][0])

    assert [303, reason] == [sent.status, page.attributes("data-problem")[0]]
    assert any(f"{SESSION}=;" in cookie for cookie in sent.cookies)
    assert "/patients" == back.headers["Location"]
    assert 200 == browser.follow(back).status


def test_a_form_posted_after_the_session_ended_comes_back_to_its_page():
    house = PortalHouse()
    browser = house.browser("accueil.nord")
    house.now += timedelta(hours=1)

    answer = browser.post("/sites/nord/booking", {"request": "r1"}, referer=f"{ADDRESS}/sites/nord/booking?request=r1")

    assert [
        303,
        "/login?" + urlencode({"next": "/sites/nord/booking?request=r1", "reason": "session_idle"}).replace("%2F", "/"),
    ] == [
        answer.status,
        answer.headers["Location"].replace("%2F", "/"),
    ]


@pytest.mark.parametrize("referer", ["https://evil.example/x", f"{ADDRESS}.evil.example/x", ""])
def test_somebody_elses_page_is_never_the_way_back(referer):
    answer = PortalHouse().browser().post("/patients", {"q": "x"}, referer=referer)

    assert "/login?next=%2F" == answer.headers["Location"]


@pytest.mark.segur("PSC.01")
def test_logout_kills_the_cookie_here_and_goes_on_to_the_provider():
    house = PortalHouse()
    browser = house.browser("accueil.nord")
    copied = dict(browser.cookies)

    answer = browser.post("/logout")

    assert 200 == answer.status
    assert any(cookie.startswith(f"{SESSION}=;") and "Max-Age=0" in cookie for cookie in answer.cookies)
    assert answer.headers["Refresh"].startswith("0; url=https://provider.example/logout")
    assert '"cache"' == answer.headers["Clear-Site-Data"]
    browser.cookies = copied
    assert 401 == browser.get("/account", accept="application/json").status
    assert 303 == browser.get("/sites/nord/agenda").status


def test_an_account_that_lost_its_roles_is_out_at_the_next_click():
    house = PortalHouse()
    browser = house.browser("accueil.nord")
    house.services = replace(house.services, access=replace(house.services.access, accounts=_NoAccounts()))

    answer = browser.get("/account", accept="application/json")

    assert [401, "account_closed"] == [answer.status, answer.json["code"]]


class _NoAccounts:
    def get(self, account_id):
        return None

    def by_login(self, provider, subject):
        return None


def test_two_systems_on_one_machine_do_not_take_each_others_cookies():
    one, other = PortalHouse(), PortalHouse()
    other.settings = replace(other.settings, cookie_suffix="other")
    browser = one.browser("accueil.nord")

    assert {SESSION} == set(browser.cookies)
    assert 401 == other.browser().get("/account", accept="application/json", cookie=f"{SESSION}={browser.cookies[SESSION]}").status
