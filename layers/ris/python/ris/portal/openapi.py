"""The OpenAPI document, made of the routes and the models they declare; a route that is not there is not described."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ris import __doc__ as product
from ris.portal.answers import Raw
from ris.portal.call import Call
from ris.portal.routing import Route, Routes, Scope

routes = Routes("openapi")
_REF = "#/components/schemas/{model}"
_REFUSALS = {
    Scope.PUBLIC: (),
    Scope.SESSION: ("401",),
    Scope.ANY_SITE: ("401", "404"),
    Scope.SITE: ("401", "404"),
    Scope.OBJECT: ("401", "404"),
}
_WORDS = {
    "400": "A field is missing or malformed",
    "401": "No session (a page is redirected to the login)",
    "403": "CSRF token or origin missing",
    "404": "Not there, or of a site where the person has no role",
    "409": "A rule refuses; `code` names it",
}


@routes.get("/api/openapi.json", Scope.SESSION)
def document(_call: Call) -> Raw:
    """Describe the portal's routes."""
    from ris.portal.app import CONTEXTS  # the routes of this very module are among them

    text = described(tuple(route for each in CONTEXTS for route in each.entries))
    return Raw(text, "application/json; charset=utf-8")


@functools.cache
def described(entries: tuple[Route, ...]) -> str:
    """Return the OpenAPI 3.1 document of these routes as JSON text."""
    models = sorted(
        {model for each in entries for model in (each.rule.body, each.rule.answer) if model}, key=lambda model: model.__name__
    )
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for each in entries:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    content = {
        "openapi": "3.1.0",
        "info": {"title": "RIS portal", "version": "1", "description": (product or "").strip()},
        "paths": {path: paths[path] for path in sorted(paths)},
        "components": {
            "schemas": {**schemas.get("$defs", {}), "Problem": _PROBLEM},
            "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "__Host-ris-session"}},
        },
    }
    return json.dumps(content, ensure_ascii=False)


_PROBLEM = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}, "field": {"type": "string"}},
}


def _operation(route: Route) -> dict[str, Any]:
    rule = route.rule
    operation: dict[str, Any] = {
        "operationId": f"{route.view.__module__.rpartition('.')[2]}_{route.view.__name__}",
        "summary": (route.view.__doc__ or "").strip().splitlines()[0],
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[A-Za-z0-9_.-]+$"}}
            for name in re.findall(r"\{(\w+)\}", route.path)
        ],
        "security": [] if rule.scope is Scope.PUBLIC else [{"session": []}],
        "responses": _responses(route),
    }
    if rule.action:
        operation["x-action"] = rule.action
    if rule.body is not None:
        schema = _schema(rule.body)
        kinds = ("application/x-www-form-urlencoded", "application/json")
        operation["requestBody"] = {"required": True, "content": {kind: {"schema": schema} for kind in kinds}}
        operation["parameters"].append(
            {
                "name": "X-CSRF-Token",
                "in": "header",
                "required": False,
                "schema": {"type": "string"},
                "description": "Or the field `csrf`",
            }
        )
    return operation


def _schema(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def _responses(route: Route) -> dict[str, Any]:
    rule = route.rule
    content: dict[str, Any] = {"text/html": {"schema": {"type": "string"}}}
    if rule.answer is not None:
        content["application/json"] = {"schema": _schema(rule.answer)}
    good = {"201": "Done, as JSON", "303": "Done, as a page"} if route.method == "POST" and rule.answer else {"200": "The page"}
    answers: dict[str, Any] = {status: {"description": words, "content": content} for status, words in good.items()}
    refusals = [*_REFUSALS[rule.scope], *(("400", "403", "409") if route.method == "POST" else ())]
    problem = {"application/json": {"schema": {"$ref": _REF.format(model="Problem")}}}
    return {**answers, **{status: {"description": _WORDS[status], "content": problem} for status in sorted(refusals)}}
