"""The HTTP API sends the event that AWS sends, and answers as AWS answers."""

import base64
import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from infra.local.cloud.client import Cloud
from tests.support.waiting import until


def request(cloud: Cloud, method: str, target: str, body: bytes = b"", headers: list[tuple[str, str]] | None = None) -> Any:
    connection = http.client.HTTPConnection(urlsplit(cloud.portal_url).netloc, timeout=30)
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in [*(headers or []), ("Content-Length", str(len(body)))]:
        connection.putheader(name, value)
    connection.endheaders(body)
    return connection.getresponse()


def event_of(cloud: Cloud, *arguments: Any, **options: Any) -> dict[str, Any]:
    event: dict[str, Any] = json.load(request(cloud, *arguments, **options))
    return event


def test_the_event_has_the_shape_of_payload_format_1(probe: Cloud) -> None:
    target = "/patients/%C3%A9t%C3%A9%20%252F?a=1&a=2&b=%26&c"
    event = event_of(probe, "GET", target, headers=[("X-Thing", "1"), ("Cookie", "a=1"), ("cookie", "b=2")])
    assert event["version"] == "1.0"
    assert event["resource"] == "/{proxy+}"
    assert event["path"] == "/patients/été %2F", "decoded once"
    assert event["pathParameters"] == {"proxy": "patients/été %2F"}
    assert event["headers"]["x-thing"] == "1", "names in lower case"
    assert event["headers"]["cookie"] == "b=2"
    assert event["multiValueHeaders"]["cookie"] == ["a=1", "b=2"]
    assert event["queryStringParameters"] == {"a": "2", "b": "&", "c": ""}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["&"], "c": [""]}
    assert (event["body"], event["isBase64Encoded"]) == (None, False)


def test_the_request_context_does_not_come_from_the_host_header(probe: Cloud) -> None:
    context = event_of(probe, "GET", "/", headers=[("Host", "evil.example")])["requestContext"]
    assert context["domainName"].endswith(".execute-api.eu-west-3.amazonaws.com")
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert (context["stage"], context["resourcePath"], context["path"]) == ("$default", "/", "/")
    assert abs(context["requestTimeEpoch"] / 1000 - time.time()) < 60


def test_nothing_to_say_is_null(probe: Cloud) -> None:
    event = event_of(probe, "GET", "/")
    assert event["pathParameters"] is None
    assert event["queryStringParameters"] is None
    assert event["multiValueQueryStringParameters"] is None


@pytest.mark.parametrize(
    ("kind", "encoded"),
    [
        ("application/x-www-form-urlencoded", True),
        ("application/json; charset=utf-8", False),
        ("text/plain", False),
        ("image/png", True),
    ],
)
def test_a_body_is_base64_unless_it_is_text(probe: Cloud, kind: str, encoded: bool) -> None:
    event = event_of(probe, "POST", "/form", "nom=É".encode(), headers=[("Content-Type", kind)])
    assert event["isBase64Encoded"] is encoded
    assert (base64.b64decode(event["body"]).decode() if encoded else event["body"]) == "nom=É"


def test_several_cookies_leave(probe: Cloud) -> None:
    response = request(probe, "GET", "/cookies")
    assert response.status == 302
    assert response.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert response.headers["location"] == "/"


def test_a_binary_answer_is_decoded(probe: Cloud) -> None:
    assert request(probe, "GET", "/binary").read() == b"\x00\x01\x02\xff"


@pytest.mark.parametrize("path", ["/crash", "/nonsense"])
def test_a_crash_says_nothing_of_the_function(probe: Cloud, path: str) -> None:
    response = request(probe, "GET", path)
    assert response.status == 500
    assert json.load(response) == {"message": "Internal Server Error"}


def test_a_head_request_has_no_body(probe: Cloud) -> None:
    response = request(probe, "HEAD", "/")
    assert (response.status, response.read()) == (200, b"")


def test_each_request_is_a_line_of_the_access_log(probe: Cloud) -> None:
    # What must not be in a log is looked for here too.
    request(probe, "GET", "/crash?secret=1").read()
    assert until(lambda: "GET /crash 500 -" in probe.log_lines("/probe/access"))
