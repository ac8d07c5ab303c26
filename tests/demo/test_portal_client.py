"""The demo's browser keeps cookies as browsers do and sends forms as a person would."""

from collections.abc import Iterator

import pytest

from infra.local.demo.portal_client import Browser
from infra.local.demo.portal_page import read
from infra.local.services.http_door import HttpDoor, Reply, Request, html_reply

PAGE = """<article data-exam data-accession="A1" data-state="booked"></article>
<a data-provider="group" href="/login/group">x</a>
<form id="booking" method="post" action="/book"><input type="hidden" name="csrf" value="t0k">
<select name="exam"><option value="">?</option><option value="Z1" selected>Z1</option></select>
<input name="start" value=""><textarea name="why">d&eacute;j&agrave;</textarea>
<input type="checkbox" name="no" value="1"><button name="show" value="1">…</button><button>ok</button></form>"""


class Portal:
    def __init__(self) -> None:
        self.seen: list[Request] = []

    def answer(self, request: Request) -> Reply:
        self.seen.append(request)
        if request.path == "/set":
            return Reply(303, b"", {"Location": "/page", "Set-Cookie": "__Host-s-x=1; Path=/; Secure; HttpOnly; SameSite=Lax"})
        if request.path == "/bad":
            return Reply(200, b"", {"Set-Cookie": "__Host-bad=1; Path=/"})
        if request.path == "/kill":
            return Reply(200, b"", {"Set-Cookie": "__Host-s-x=; Path=/; Secure; Max-Age=0"})
        return html_reply(PAGE)


@pytest.fixture
def portal() -> Portal:
    return Portal()


@pytest.fixture
def browser(portal: Portal) -> Iterator[Browser]:
    door = HttpDoor(portal.answer)
    yield Browser(door.url)
    door.close()


def test_a_cookie_is_kept_through_a_redirection_and_dies_when_told(browser: Browser, portal: Portal) -> None:
    browser.open("/set")
    assert (portal.seen[-1].path, portal.seen[-1].headers["cookie"]) == ("/page", "__Host-s-x=1")

    browser.open("/kill")
    assert browser.cookie_names() == set()


def test_a_host_cookie_that_breaks_its_promise_is_dropped(browser: Browser) -> None:
    browser.open("/bad")

    assert browser.cookie_names() == set()


def test_a_form_goes_with_its_hidden_and_chosen_values(browser: Browser, portal: Portal) -> None:
    shown = browser.open("/page")
    form = shown.page.form_with("exam", "start")
    assert form is not None

    browser.submit(shown, form, {"start": "09:30"})

    assert dict(portal.seen[-1].form) == {"csrf": "t0k", "exam": "Z1", "start": "09:30", "why": "déjà"}
    assert portal.seen[-1].headers["origin"] == browser.home


def test_a_page_is_read_by_its_data_attributes() -> None:
    page = read(PAGE)

    assert page.rows("exam", accession="A1") == [{"exam": "", "accession": "A1", "state": "booked"}]
    assert page.rows("exam", accession="A2") == []
    assert page.link(provider="group") == "/login/group"
    assert page.form_with("csrf", "show") is page.forms[0]


def test_a_page_gives_the_text_of_its_elements_and_what_stands_in_them() -> None:
    page = read('<table><tr data-trait="sex"><th>Sexe</th><td>F<br>x &eacute;</td><td> M\n</td></tr></table><p data-after>end</p>')

    (row,) = page.found(trait="sex")
    assert [cell.text for cell in row.children if cell.tag == "td"] == ["Fx é", "M"]
    assert page.found("after")[0].text == "end"


def test_a_form_is_found_by_its_action_and_goes_where_the_clicked_button_says() -> None:
    page = read(
        '<form data-action="accept" action="/a"></form>'
        '<form action="/save"><textarea name="text">\nfirst\n\nlast</textarea>'
        '<button data-action="save">s</button><button data-action="validate" formaction="/validate">v</button></form>'
    )

    accept, editor = page.form_of("accept"), page.form_of("validate")
    assert accept is not None
    assert editor is not None
    assert (accept.action, editor.ways) == ("/a", {"save": "/save", "validate": "/validate"})
    assert editor.fields["text"] == "first\n\nlast"  # a browser drops the line break behind the tag
    assert page.form_of("nothing") is None
