"""What API Gateway sends and what it gets back."""

import base64
import json
import os
from urllib.parse import urlencode

import pytest

from ris.portal import cookies
from ris.portal.adapter import hardened, normalised
from ris.portal.call import public_address
from ris.portal.routing import PathTable
from tests.support.portal import ADDRESS, PortalHouse, event

TABLE = PathTable(
    ["/", "/exams/{accession}", "/exams/{accession}/state", "/login/{provider}", "/login/{provider}/callback", "/login"]
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ("/", {})),
        ("/exams/2.25-A_b", ("/exams/{accession}", {"accession": "2.25-A_b"})),
        ("/login/group/callback", ("/login/{provider}/callback", {"provider": "group"})),
    ],
)
def test_a_path_finds_its_route_and_its_ids(path, expected):
    assert expected == TABLE.match(path)


@pytest.mark.parametrize(
    "path",
    [
        "/exams/1%2Fstate",
        "/exams/a b",
        "/exams/é",
        "/exams/1/",
        "/exams//state",
        "/exams/1\n",
        "//",
        "",
        "/Exams/1",
        "/exams/1;x",
        "/exams/١",
    ],
)
def test_an_id_holds_only_the_agreed_characters_and_is_never_decoded_again(path):
    assert TABLE.match(path) is None


def test_an_unknown_path_is_a_page_and_json_where_json_is_asked():
    house = PortalHouse()

    page = house.browser().get("/nowhere")
    as_json = house.browser().get("/nowhere", accept="application/json")

    assert (404, "text/html; charset=utf-8") == (page.status, page.headers["Content-Type"])
    assert (404, "unknown_object") == (as_json.status, as_json.json["code"])


def test_a_method_nobody_declared_is_refused():
    answer = PortalHouse().browser().send("DELETE", "/login")

    assert 405 == answer.status


def test_head_is_get_without_its_body():
    house = PortalHouse()

    head = house.browser().send("HEAD", "/login")

    assert (200, "") == (head.status, head.body)
    assert house.browser().get("/login").headers == head.headers


def test_several_cookie_headers_become_one():
    sent = event("GET", "/account")
    sent["headers"]["cookie"] = "b=2"
    sent["multiValueHeaders"]["cookie"] = ["a=1", "b=2"]

    assert "a=1; b=2" == normalised(sent)["headers"]["cookie"]


def test_an_event_without_its_optional_parts_is_answered():
    answer = PortalHouse().portal({"httpMethod": "GET", "path": "/login", "headers": None, "requestContext": None})

    assert 200 == answer["statusCode"]


def test_a_cookie_given_twice_with_two_values_is_none():
    assert "" == cookies.read("x=1; x=2", "x")
    assert "1" == cookies.read("x=1; y=3; x=1", "x")


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: b=1", "a\nb", "a\0b"])
def test_an_answer_cannot_be_split_by_a_header(value):
    with pytest.raises(ValueError, match="bad header"):
        hardened({"statusCode": 303, "headers": {"Location": value}, "multiValueHeaders": {}, "body": ""})
    with pytest.raises(ValueError, match="bad header"):
        hardened({"statusCode": 200, "headers": {}, "multiValueHeaders": {"Set-Cookie": [value]}, "body": ""})


def test_the_public_address_is_the_setting_else_the_gateways_and_never_the_host_header():
    sent = event("GET", "/")

    assert "https://ris.example" == public_address("https://ris.example/", sent)
    assert "https://api.example" == public_address("", sent)
    sent["requestContext"]["domainName"] = "127.0.0.1:8123"
    assert "http://127.0.0.1:8123" == public_address("", sent)


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/x-www-form-urlencoded", b"csrf=x&csrf=y", 400),
        ("application/x-www-form-urlencoded", b"q=%FF", 400),
        ("application/x-www-form-urlencoded", b"q=" + b"a" * 300_000, 413),
        ("application/x-www-form-urlencoded", b"&".join(b"f%d=1" % n for n in range(200)), 400),
        ("application/json", b"{", 400),
        ("application/json", b"[" * 5000, 400),
        ("application/json", b"[1]", 400),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ("text/plain", b"q=1", 415),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_and_never_a_crash(kind, body, status):
    browser = PortalHouse().browser("accueil.nord")

    assert status == browser.send("POST", "/patients", body, {"content-type": kind}).status


def test_a_body_that_only_says_it_is_base64_is_refused():
    house = PortalHouse()
    sent = event("POST", "/patients", b"x", {"content-type": "application/x-www-form-urlencoded"})

    assert 400 == house.portal({**sent, "body": "***"})["statusCode"]


def test_a_form_may_come_without_base64_and_as_json():
    house = PortalHouse()
    browser = house.browser("accueil.nord")
    form = {"csrf": browser.csrf, "q": "adrun"}
    plain = event("POST", "/patients", headers={"content-type": "application/x-www-form-urlencoded", **browser._cookie()})

    assert 200 == house.portal({**plain, "body": urlencode(form)})["statusCode"]
    assert 200 == browser.send("POST", "/patients", json.dumps(form).encode(), {"content-type": "application/json"}).status


def test_static_files_are_kept_for_ever_only_under_their_own_hash():
    browser = PortalHouse().browser()
    address = next(url for url in browser.get("/login").attributes("href") if "portal.css" in url)

    named, stale, unknown = browser.get(address), browser.get("/static/portal.css?v=0"), browser.get("/static/..")

    assert "public, max-age=31536000, immutable" == named.headers["Cache-Control"]
    assert "no-cache" == stale.headers["Cache-Control"]
    assert (200, 404) == (named.status, unknown.status)
    assert "text/css; charset=utf-8" == named.headers["Content-Type"]


def test_pages_stand_without_htmx(monkeypatch, tmp_path):
    from ris.portal import assets

    found = {name: asset for name, asset in assets.assets().items() if name != "htmx.min.js"}
    monkeypatch.setattr(assets, "assets", lambda: found)

    answer = PortalHouse().browser().get("/login")

    assert 200 == answer.status
    assert "<script" not in answer.body


def test_base64_is_what_leaves_only_for_binary_answers():
    answer = PortalHouse().portal(event("GET", "/login"))

    assert not answer.get("isBase64Encoded")
    assert base64.b64encode(b"<!doctype")[:8].decode() not in answer["body"]
    assert ADDRESS not in answer["body"]


def test_portals_leave_the_process_as_they_found_it():
    before = dict(os.environ)

    PortalHouse()
    PortalHouse()

    assert before == dict(os.environ)
