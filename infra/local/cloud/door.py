"""The cloud's own address, `/_cloud/…` (no bucket can have that name): what a client asks that AWS has no call for."""

import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

PREFIX = "/_cloud/"


class Door:
    """WSGI middleware: answers the cloud's own questions and names what moto failed at."""

    def __init__(self, application: Callable[..., Iterable[bytes]], answers: dict[str, Callable[[dict[str, str]], Any]]) -> None:
        self._application = application
        self._answers = answers
        self.faults: list[str] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer, or pass on."""
        path = environ.get("PATH_INFO", "")
        if path.startswith(PREFIX):
            return self._answer(path.removeprefix(PREFIX), environ, start_response)
        return self._application(environ, self._watching(environ, start_response))

    def _answer(self, name: str, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        query = {key: values[-1] for key, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
        try:
            status, answer = "200 OK", self._answers[name](query)
        except Exception as error:
            status, answer = "500 Internal Server Error", f"{type(error).__name__}: {error}"
        body = json.dumps(answer, default=str).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _watching(self, environ: dict[str, Any], start_response: Any) -> Any:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            kind = {name.lower(): value for name, value in headers}.get("content-type", "")
            if status.startswith("500") and "html" in kind:
                target = environ.get("HTTP_X_AMZ_TARGET") or environ["PATH_INFO"]
                self.faults.append(f"{environ['REQUEST_METHOD']} {target}")
            return start_response(status, headers, *rest)

        return start
