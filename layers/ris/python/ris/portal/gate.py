"""The one place every request passes: session, role, site, CSRF, audit, and what a failure looks like.

It stands around Chalice's view call as its http middleware. Views' exceptions come through it, so that Chalice never logs their text.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from chalice.app import ChaliceUnhandledError, Request, Response

from ris.application.access.kept_forms import drop_form, keep_form
from ris.application.access.record_audit import record_audit
from ris.application.access.session_of import check_csrf, session_of
from ris.bootstrap.portal import PortalServices, PortalSettings
from ris.domain.access.audit import Visit
from ris.domain.access.policy import sites_allowed
from ris.domain.errors import NotAllowed, RisError
from ris.observability import LogReference, log
from ris.observability.logs import frames_of
from ris.portal import cookies, respond
from ris.portal.answers import Answer, NotFound, Redirect, Stop
from ris.portal.call import Call, Wants, body_of, public_address, wanted
from ris.portal.layout import current_site
from ris.portal.routing import Route, Rule, Scope

current: ContextVar[Call] = ContextVar("ris_portal_call")

_NO_SESSION = frozenset({"no_session", "session_expired", "session_idle", "account_closed"})


def _token_of(call: Call) -> str:
    return call.headers.get("x-csrf-token") or call.form.get("csrf", "")


RESUMED = "resumed"
"""Field of a form that is sent again after it was kept."""


class _Raised(ChaliceUnhandledError):  # type: ignore[misc]
    """Carries a view's exception past Chalice, which would log it."""

    def __init__(self, error: Exception) -> None:
        super().__init__(type(error).__name__)
        self.error = error


class _Answered(Response):  # type: ignore[misc]
    """Carries a view's answer to the gate."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(body="")
        self.answer = answer


class GuardedView:
    """A view as Chalice calls it.

    Args:
        route: The view and what it declared.
    """

    def __init__(self, route: Route) -> None:
        self.route = route
        self.rule: Rule = route.rule
        self.__name__ = f"{route.view.__module__.rpartition('.')[2]}_{route.view.__name__}_{route.method.lower()}"

    def __call__(self, **parameters: str) -> Response:
        """Call the view with the current request."""
        try:
            return _Answered(self.route.view(current.get(), **parameters))
        except Exception as error:
            raise _Raised(error) from None


@dataclass(frozen=True)
class Gate:
    """Chalice's http middleware.

    Args:
        rule_of: Finds what the matched route declared, or None: then nobody passes.
    """

    services: Callable[[], PortalServices]
    settings: PortalSettings
    rule_of: Callable[[str, str], Rule | None]

    def __call__(self, request: Request, get_response: Callable[[Request], Response]) -> Response:
        """Check, call, keep the record, answer."""
        event: dict[str, Any] = request.to_original_event()
        rule = self.rule_of(request.context["resourcePath"], request.context["httpMethod"])
        if rule is None:
            return respond.problem(wanted(request.headers), 405, "method_not_allowed")
        call: Call | None = None
        try:
            call = self._call(event, rule)
            return self._guarded(call, request, get_response)
        except _Raised as raised:
            return self._failure(call, event, raised.error)
        except Exception as error:
            return self._failure(call, event, error)

    def _call(self, event: dict[str, Any], rule: Rule) -> Call:
        headers, context = event["headers"], event["requestContext"]
        services = self.services()
        ip = str((context.get("identity") or {}).get("sourceIp", ""))
        site = (event["pathParameters"] or {}).get("site", "") if rule.scope is Scope.SITE else ""
        if site and services.agenda.reference.site(site) is None:
            site = ""  # an address somebody invented opens no audit chain of its own
        return Call(
            method=event["httpMethod"],
            path=event["path"],
            query=event["multiValueQueryStringParameters"],
            headers=headers,
            body=body_of(event),
            wants=wanted(headers),
            public_url=public_address(self.settings.public_url, event),
            source_ip=ip,
            now=services.clock(),
            services=services,
            rule=rule,
            touched=Visit(rule.action or event["requestContext"]["resourcePath"], site=site, source_ip=ip),
            kept_on=rule.keeps.format(**(event["pathParameters"] or {})),
        )

    def _guarded(self, call: Call, request: Request, get_response: Callable[[Request], Response]) -> Response:
        if call.rule.scope is not Scope.PUBLIC:
            self._identify(call)
            self._authorise(call)
        token = current.set(call)
        try:
            answered = get_response(request)
        finally:
            current.reset(token)
        if not isinstance(answered, _Answered):
            return respond.problem(call.wants, answered.status_code, "request_refused")
        if call.rule.scope is Scope.OBJECT and not call.role:
            raise RuntimeError("a view of an object admitted nobody")
        if call.rule.audited:
            for visit in (call.touched, *call.others):
                record_audit(call.services.access, call.session, visit, result="allowed", role=call.role, now=call.now)
        self._forget(call, answered.answer)
        return respond.rendered(call, answered.answer)

    def _identify(self, call: Call) -> None:
        token = cookies.read(call.headers.get("cookie", ""), cookies.name_of("session", self.settings.cookie_suffix))
        call.session = session_of(call.services.access, token, call.touched, now=call.now, active=not call.rule.passive)
        if call.method == "POST":
            self._check_origin(call)
            check_csrf(call.session, _token_of(call))

    def _keep(self, call: Call) -> str:
        """Keep what a page of ours sent whose session is over or was replaced; whatever fails, the refusal comes first.

        Returns:
            The local page that gives it back; empty where nothing is kept.
        """
        typed_in = call.rule.scope not in (Scope.PUBLIC, Scope.SESSION)
        if call.method != "POST" or not typed_in or call.headers.get("origin") != call.public_url:
            return ""
        with suppress(RisError, Stop):
            place = call.kept_on or call.path
            if call.form.keys() - {"csrf"} and keep_form(call.services.access, _token_of(call), place, call.form, call.now):
                return respond.return_to(call) if call.kept_on else f"/resume?{urlencode({'of': place}, safe='/')}"
        return ""

    def _forget(self, call: Call, answer: Answer) -> None:
        """Forget a kept form once it was sent again and done."""
        if call.method != "POST" or call.session is None or getattr(answer, "status", 0) >= HTTPStatus.BAD_REQUEST:
            return
        with suppress(Stop):  # what was sent is no form
            if call.form.get(RESUMED):
                drop_form(call.services.access, call.session.account_id, call.path)

    def _check_origin(self, call: Call) -> None:
        origin, fetched_from = call.headers.get("origin"), call.headers.get("sec-fetch-site")
        if (origin is not None and origin != call.public_url) or fetched_from not in (None, "same-origin", "none"):
            raise NotAllowed("csrf")

    def _authorise(self, call: Call) -> None:
        if call.rule.scope is Scope.SITE:
            call.admit(call.touched.site)
        elif call.rule.scope is Scope.ANY_SITE:
            allowed, preferred = sites_allowed(call.person, call.rule.action), current_site(call)
            call.admit(*((preferred,) if preferred in allowed else allowed[:1]))

    # What a failure looks like

    def _failure(self, call: Call | None, event: dict[str, Any], error: Exception) -> Response:
        wants = call.wants if call else wanted(event["headers"])
        if isinstance(error, Stop):
            return respond.problem(wants, error.status, error.code)
        if isinstance(error, NotFound | NotAllowed) and call is not None:
            return self._hidden(call, error)
        if isinstance(error, RisError):
            self._refused(call, error)
            return respond.problem(wants, respond.status_of(error), error.code, field=error.field)
        log(
            LogReference.PORTAL_001,
            error=type(error).__name__,
            frames=frames_of(error),
            route=event["requestContext"]["resourcePath"],
        )
        return respond.problem(wants, 500, "unexpected")

    def _refused(self, call: Call | None, error: RisError) -> None:
        """Keep what a rule or a remote refused: a line, and for patients the record."""
        log(LogReference.PORTAL_002, error=type(error).__name__, code=error.code, field=error.field)
        if call is not None and call.session is not None and call.rule.audited:
            record_audit(
                call.services.access, call.session, call.touched, result="refused", code=error.code, role=call.role, now=call.now
            )

    def _hidden(self, call: Call, error: NotFound | NotAllowed) -> Response:
        code = error.code if isinstance(error, NotAllowed) else "unknown_object"
        if code in _NO_SESSION:  # session_of has kept the record
            return respond.login_needed(call, self.settings, code, back=self._keep(call))
        result = "refused" if isinstance(error, NotAllowed) else "not_found"
        record_audit(call.services.access, call.session, call.touched, result=result, code=code, now=call.now)
        if code == "csrf" and call.session is not None and call.wants is not Wants.JSON and (back := self._keep(call)):
            return respond.rendered(call, Redirect(back))
        return respond.problem(call.wants, 403, code) if code == "csrf" else respond.problem(call.wants, 404, "unknown_object")
