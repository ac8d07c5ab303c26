"""The HTTP API: turns requests into the event that AWS sends (payload format 1.0) and the function's answer into a response."""

import base64
import json
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from infra.local.cloud import function_logs
from infra.local.cloud.cloudformation import Attributes
from infra.local.cloud.lambda_host import Host, Throttled
from infra.local.cloud.names import ACCOUNT, HOST, REGION, UnknownToTheLocalCloud

_LIMIT_BYTES = 10 * 1024 * 1024
_TEXT = re.compile(r"text/|application/(json|javascript|xml)\b|application/[\w.-]+\+(json|xml)\b", re.IGNORECASE)
_API_PROPERTIES = {"Body", "Name", "Tags", "DisableExecuteApiEndpoint", "FailOnWarnings"}
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-authorization"}


class Route(NamedTuple):
    """One route: its path as AWS writes it, what matches it, and the function behind."""

    resource: str
    pattern: re.Pattern[str]
    function: str


class Response(NamedTuple):
    """What goes back to the client."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def _message(status: int, text: str) -> Response:
    return Response(status, [("content-type", "application/json")], json.dumps({"message": text}).encode())


class AccessLog:
    """The stage's access log: one line a request, in the template's format."""

    def __init__(self, destination_arn: str, line_format: str) -> None:
        self._stream = function_logs.Stream(destination_arn.split(":log-group:", 1)[1])
        self._format = line_format

    def write(self, values: dict[str, Any]) -> None:
        """Write a line; a variable without a value is a dash, as on AWS."""
        self._stream.write(re.sub(r"\$context\.([\w.]+)", lambda match: str(values.get(match.group(1), "-")), self._format))


class ApiFront:
    """Serves the one HTTP API of the template on a port that is known before the deployment."""

    def __init__(self, host: Host, port: int) -> None:
        self._host = host
        self._routes: list[Route] = []
        self._api_id = ""
        self._access_log: AccessLog | None = None
        self._server = _server(self, port)
        self.url = f"http://{HOST}:{self._server.server_address[1]}"

    def start(self) -> None:
        """Serve requests; before, they wait in the socket's backlog."""
        threading.Thread(target=self._server.serve_forever, name="api-front", daemon=True).start()

    def deploy(self, logical_id: str, _name: str, properties: dict[str, Any]) -> tuple[str, Attributes]:
        """Take the routes out of an `AWS::ApiGatewayV2::Api`, whose body SAM has written."""
        if unknown := properties.keys() - _API_PROPERTIES:
            raise UnknownToTheLocalCloud(f"property {sorted(unknown)[0]} of the API {logical_id}")
        if self._routes:
            raise UnknownToTheLocalCloud(f"a second HTTP API, {logical_id}")
        self._api_id = uuid.uuid4().hex[:10]
        self._routes = sorted(_routes(properties["Body"]), key=lambda route: ("{" in route.resource, "+}" in route.resource))
        return self._api_id, {"ApiEndpoint": self.url, "ApiId": self._api_id}

    def deploy_stage(self, _logical_id: str, name: str, properties: dict[str, Any]) -> tuple[str, Attributes]:
        """Take the access log out of an `AWS::ApiGatewayV2::Stage`."""
        settings = properties.get("AccessLogSettings")
        self._access_log = AccessLog(settings["DestinationArn"], settings["Format"]) if settings else None
        return name, {}

    def answer(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes, source_ip: str) -> Response:
        """Answer one request as the API would, and write it to the access log."""
        started = time.time()
        response = self._answer(method, target, headers, body, source_ip)
        if self._access_log:
            self._access_log.write(
                {
                    "requestId": uuid.uuid4().hex[:16],
                    "requestTimeEpoch": int(started * 1000),
                    "identity.sourceIp": source_ip,
                    "httpMethod": method,
                    "path": unquote(urlsplit(target).path),
                    "status": response.status,
                    "responseLatency": int((time.time() - started) * 1000),
                    "responseLength": len(response.body),
                }
            )
        return response

    def _answer(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes, source_ip: str) -> Response:
        if len(body) > _LIMIT_BYTES:
            return _message(413, "Request Entity Too Large")
        split = urlsplit(target)
        path = unquote(split.path)
        for route in self._routes:
            if match := route.pattern.fullmatch(path):
                event = self._event(method, path, split.query, headers, body, source_ip, route, match.groupdict())
                return self._invoke(route, event)
        return _message(404, "Not Found")

    def _invoke(self, route: Route, event: dict[str, Any]) -> Response:
        try:
            answer = self._host.find(route.function).invoke(json.dumps(event).encode())
        except Throttled:
            return _message(503, "Service Unavailable")
        if answer.failed:
            return _message(500, "Internal Server Error")
        return _response(answer.payload) or _message(500, "Internal Server Error")

    def _event(
        self,
        method: str,
        path: str,
        query: str,
        received: list[tuple[str, str]],
        body: bytes,
        source_ip: str,
        route: Route,
        path_parameters: dict[str, str],
    ) -> dict[str, Any]:
        headers = [(name.lower(), value) for name, value in received if name.lower() not in _HOP_BY_HOP]
        headers += [("x-forwarded-for", source_ip), ("x-forwarded-port", "443"), ("x-forwarded-proto", "https")]
        plain = dict(headers)
        domain = f"{self._api_id}.execute-api.{REGION}.amazonaws.com"
        parameters = parse_qsl(query, keep_blank_values=True)
        text = _is_text(plain.get("content-type", ""))
        return {
            "version": "1.0",
            "resource": route.resource,
            "path": path,
            "httpMethod": method,
            "headers": plain,
            "multiValueHeaders": _several(headers),
            "queryStringParameters": dict(parameters) or None,
            "multiValueQueryStringParameters": _several(parameters) or None,
            "pathParameters": path_parameters or None,
            "stageVariables": None,
            "body": (body.decode() if text else base64.b64encode(body).decode()) if body else None,
            "isBase64Encoded": bool(body) and not text,
            "requestContext": {
                "accountId": ACCOUNT,
                "apiId": self._api_id,
                "domainName": domain,
                "domainPrefix": self._api_id,
                "extendedRequestId": (request_id := uuid.uuid4().hex[:16]),
                "httpMethod": method,
                "identity": {
                    "sourceIp": source_ip,
                    "userAgent": plain.get("user-agent", ""),
                    "accountId": None,
                    "caller": None,
                    "user": None,
                },
                "path": path,
                "protocol": "HTTP/1.1",
                "requestId": request_id,
                "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime()),
                "requestTimeEpoch": int(time.time() * 1000),
                "resourceId": f"ANY {route.resource}",
                "resourcePath": route.resource,
                "stage": "$default",
            },
        }


def _is_text(content_type: str) -> bool:
    return bool(_TEXT.match(content_type))


def _several(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _routes(body: dict[str, Any]) -> Iterator[Route]:
    for resource, methods in body["paths"].items():
        for method, operation in methods.items():
            integration = operation["x-amazon-apigateway-integration"]
            if method != "x-amazon-apigateway-any-method" or integration.get("payloadFormatVersion") != "1.0":
                raise UnknownToTheLocalCloud(f"route {method} {resource}: only ANY with payload format 1.0")
            parts = re.split(r"(\{\w+\+?\})", resource)
            yield Route(resource, re.compile("".join(map(_part, parts)), re.DOTALL), _function_of(integration["uri"]))


def _part(part: str) -> str:
    if not part.startswith("{"):
        return re.escape(part)
    name = part.strip("{+}")
    return f"(?P<{name}>.+)" if part.endswith("+}") else f"(?P<{name}>[^/]+)"


def _function_of(uri: str) -> str:
    return uri.split("/functions/", 1)[1].removesuffix("/invocations").rsplit(":", 1)[-1]


def _response(payload: bytes) -> Response | None:
    """Read a function's answer; None when AWS could not."""
    try:
        answer = json.loads(payload)
        status = int(answer["statusCode"])
        headers = [(name, _header(value)) for name, value in (answer.get("headers") or {}).items()]
        several = {name: [_header(value) for value in values] for name, values in (answer.get("multiValueHeaders") or {}).items()}
        text = answer.get("body") or ""
        body = base64.b64decode(text, validate=True) if answer.get("isBase64Encoded") else text.encode()
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    names = {name.lower() for name in several}
    merged = [pair for pair in headers if pair[0].lower() not in names]
    merged += [(name, value) for name, values in several.items() for value in values]
    return Response(status, merged, body)


def _header(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if "\r" in text or "\n" in text:
        raise ValueError("line break in a header")
    return text


def _server(front: ApiFront, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length)
            response = front.answer(self.command, self.path, list(self.headers.items()), body, self.client_address[0])
            self.send_response_only(response.status)
            for name, value in response.headers:
                if name.lower() not in ("content-length", *_HOP_BY_HOP):
                    self.send_header(name, value)
            if response.status != 204:
                self.send_header("content-length", str(len(response.body)))
            self.end_headers()
            if self.command != "HEAD" and response.status not in (204, 304):
                self.wfile.write(response.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815 - names of the standard library

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128
        address_family = socket.AF_INET

    return Server((HOST, port), Handler)
