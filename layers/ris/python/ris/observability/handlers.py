"""The decorators every handler wears: parse, bind the log, trace, and let out only what a caller may know."""

from __future__ import annotations

import functools
import json
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from ris.domain.errors import GROUPS, InvalidInput, RisError
from ris.observability.log_references import LogReference
from ris.observability.logs import bound, frames_of, log
from ris.observability.tracing import span

Input = TypeVar("Input", bound=BaseModel)
Envelope = TypeVar("Envelope")
LambdaHandler = Callable[[Any, Any], Any]


class UnexpectedError(Exception):
    """A bug of ours or an outage nobody named. A state machine meets it as `States.ALL`; its text is only a class name."""


def task(name: str) -> Callable[[Callable[[Input], BaseModel | None]], LambdaHandler]:
    """Make a Lambda handler of a function from one pydantic model to another.

    Only the six group names of `ris.domain.errors` get out, each with a JSON text `{"code","field","detail"}` that becomes the
    Cause of the state; anything else gets out as `UnexpectedError`, without its text.

    Args:
        name: The function's name, as its folder.
    """

    def decorate(function: Callable[[Input], BaseModel | None]) -> LambdaHandler:
        model = TypeAdapter(_first_parameter(function))

        @functools.wraps(function)
        def handler(event: Any, context: Any) -> Any:
            with bound(function=name, request=getattr(context, "aws_request_id", "")):
                answer, failure = _run(name, function, model, event)
            if failure is not None:
                raise failure  # outside the except block: no context, so nothing of the first error is attached
            return answer

        return handler

    return decorate


def _first_parameter(function: Callable[..., Any]) -> Any:
    hints = {key: hint for key, hint in typing.get_type_hints(function).items() if key != "return"}
    return next(iter(hints.values()))


def _run(
    name: str, function: Callable[[Input], BaseModel | None], model: TypeAdapter[Input], event: Any
) -> tuple[Any, Exception | None]:
    try:
        given = model.validate_python(event)
    except ValidationError as error:
        where = _place(error)
        log(LogReference.TASK_004, field=where)
        return None, _outward(InvalidInput("invalid_input", field=where))
    try:
        with span(name):
            answer = function(given)
    except RisError as error:
        log(LogReference.TASK_002, code=error.code, field=error.field, error=_group(error).__name__)
        return None, _outward(error)
    except Exception as error:
        log(LogReference.TASK_003, error=type(error).__name__, frames=frames_of(error))
        return None, UnexpectedError(type(error).__name__)
    log(LogReference.TASK_001)
    return (None if answer is None else answer.model_dump(mode="json")), None


def _place(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return ".".join(str(part) for part in first["loc"])[:100]


def _group(error: RisError) -> type[RisError]:
    return next((group for group in GROUPS if isinstance(error, group)), RisError)


def _outward(error: RisError) -> RisError:
    out = _group(error)(error.code, field=error.field, detail=error.detail)
    out.args = (json.dumps({"code": error.code, "field": error.field, "detail": error.detail}),)
    return out


def queue_consumer(name: str) -> Callable[[Callable[[Envelope], None]], LambdaHandler]:
    """Make an SQS handler of a function that takes one envelope; what it raises is a batch failure of that message alone.

    The function's first parameter names the envelope's model, or a union of models told apart by their `kind`. An envelope
    that is none of them fails too: it is our own bug, and the dead-letter queue keeps it.

    Args:
        name: The function's name, as its folder.
    """

    def decorate(function: Callable[[Envelope], None]) -> LambdaHandler:
        envelope: TypeAdapter[Envelope] = TypeAdapter(_first_parameter(function))

        @functools.wraps(function)
        def handler(event: Any, context: Any) -> Any:
            with bound(function=name, request=getattr(context, "aws_request_id", "")), span(name):
                return _each_record(lambda body: _consume(function, envelope, body), event, context)

        return handler

    return decorate


def _consume(function: Callable[[Envelope], None], envelope: TypeAdapter[Envelope], body: str) -> None:
    failure: Exception | None = None
    try:
        function(envelope.validate_json(body))
    except ValidationError as error:
        log(LogReference.QUEUE_003, field=_place(error))
        failure = UnexpectedError("envelope")
    except RisError as error:
        log(LogReference.QUEUE_002, code=error.code, field=error.field, error=_group(error).__name__)
        failure = _outward(error)
    except Exception as error:
        log(LogReference.QUEUE_002, error=type(error).__name__, frames=frames_of(error))
        failure = UnexpectedError(type(error).__name__)
    if failure is not None:
        raise failure
    log(LogReference.QUEUE_001)


def _each_record(consume: Callable[[str], None], event: Any, context: Any) -> Any:
    # Imported here: a task of a state machine does not pay for the batch utility.
    from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, SqsFifoPartialProcessor, process_partial_response

    records = event.get("Records", [])
    fifo = any(str(record.get("eventSourceARN", "")).endswith(".fifo") for record in records)
    processor = SqsFifoPartialProcessor(skip_group_on_error=True) if fifo else BatchProcessor(event_type=EventType.SQS)
    # A batch that fails whole is answered with its failures; powertools would raise with the text of every exception.
    processor.raise_on_entire_batch_failure = False

    def one(record: Any) -> None:
        consume(record.body)

    return process_partial_response(event=event, record_handler=one, processor=processor, context=context)
