"""Records which AWS action each caller uses on what, named as IAM names them, to compare with what its role grants."""

import io
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs, unquote

from infra.local.cloud import kms

_CREDENTIAL = re.compile(r"(?:Credential=|X-Amz-Credential=)([^/%]+)(?:/|%2F)\d+(?:/|%2F)[^/%]+(?:/|%2F)([^/%]+)")
_SERVICES = {"states": "states", "monitoring": "cloudwatch"}
_S3_BUCKET = {"GET": "ListBucket", "HEAD": "ListBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket", "POST": "DeleteObject"}
_S3_OBJECT = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject", "POST": "PutObject"}
_S3_PARAMETERS = {"versioning": "BucketVersioning", "policy": "BucketPolicy", "tagging": "ObjectTagging", "acl": "ObjectAcl"}
_TRANSACTION = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
_NAMES = ("TableName", "QueueUrl", "QueueName", "SecretId", "stateMachineArn", "executionArn", "TopicArn", "logGroupName")

Call = tuple[str, str]
"""An IAM action such as `dynamodb:PutItem`, and the name of what it touches (a table's index as `table/index`)."""


class Calls:
    """Counts calls by caller, action and resource, as WSGI middleware."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Record a request and pass it on."""
        match = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", "") + environ.get("QUERY_STRING", ""))
        if match:
            caller, service = match.groups()
            found = list(_calls(service, environ))
            with self._lock:
                self._counts.update((caller, *call) for call in found)
        return self._application(environ, start_response)

    def recorded(self) -> list[dict[str, Any]]:
        """Return what was called, by whom and how often."""
        with self._lock:
            return [
                {"caller": caller, "action": action, "resource": resource, "count": count}
                for (caller, action, resource), count in sorted(self._counts.items())
            ]

    def forget(self) -> None:
        """Start again from nothing."""
        with self._lock:
            self._counts.clear()


def _calls(service: str, environ: dict[str, Any]) -> Iterator[Call]:
    prefix = _SERVICES.get(service, service)
    if service == "s3":
        yield _s3(environ)
    elif "HTTP_X_AMZ_TARGET" in environ:
        action = environ["HTTP_X_AMZ_TARGET"].rsplit(".", 1)[-1]
        body = _json_body(environ)
        for name, resource in _members(action, body):
            yield f"{prefix}:{name}", resource
    elif service == "lambda" and environ["PATH_INFO"].endswith("/invocations"):
        yield "lambda:InvokeFunction", unquote(environ["PATH_INFO"].split("/")[-2]).rsplit(":", 1)[-1]
    else:
        form = parse_qs(environ.get("QUERY_STRING", "") or _body(environ).decode("latin-1"))
        yield f"{prefix}:{form.get('Action', [environ['REQUEST_METHOD']])[0]}", environ["PATH_INFO"]


def _body(environ: dict[str, Any]) -> bytes:
    """Read the body and put it back."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return bytes(body)


def _json_body(environ: dict[str, Any]) -> dict[str, Any]:
    try:
        parsed = json.loads(_body(environ) or b"{}")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _members(action: str, body: dict[str, Any]) -> Iterator[Call]:
    """Yield an operation, or what IAM checks for each member of a transaction or batch."""
    if action in ("TransactWriteItems", "TransactGetItems"):
        for entry in body.get("TransactItems", []):
            for kind, operation in entry.items():
                yield _TRANSACTION[kind], _last(operation["TableName"])
    elif action in ("BatchWriteItem", "BatchGetItem"):
        for table in body.get("RequestItems", {}):
            yield action, _last(table)
    else:
        name = next((str(body[key]) for key in _NAMES if body.get(key)), "")
        if "SecretId" in body:  # a name that holds slashes, or an ARN
            yield action, str(body["SecretId"]).rsplit(":secret:", 1)[-1]
            return
        if "CiphertextBlob" in body or "KeyId" in body:
            yield action, kms.name_of(str(body["KeyId"])) if body.get("KeyId") else kms.sealed_with(str(body["CiphertextBlob"]))
            return
        index = f"/{body['IndexName']}" if body.get("IndexName") else ""
        yield action.replace("Batch", "") if "QueueUrl" in body else action, _last(name) + index


def _last(name: str) -> str:
    """Return the last part of an ARN or URL."""
    return re.split(r"[:/]", name)[-1]


def _s3(environ: dict[str, Any]) -> Call:
    bucket, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
    verb = environ["REQUEST_METHOD"]
    parameters = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    for parameter, noun in _S3_PARAMETERS.items():
        if parameter in parameters:
            return f"s3:{verb.title()}{noun}", f"{bucket}/{key}".rstrip("/")
    if "versions" in parameters and verb == "GET" and not key:
        return "s3:ListBucketVersions", bucket
    if "uploadId" in parameters and verb == "DELETE":
        return "s3:AbortMultipartUpload", f"{bucket}/{key}"
    return f"s3:{(_S3_OBJECT if key else _S3_BUCKET)[verb]}", f"{bucket}/{key}".rstrip("/")
