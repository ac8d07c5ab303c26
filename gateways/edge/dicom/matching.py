"""A worklist query: its keys compiled into tests, and what an answer holds (PS3.4 annex K).

* A key without value, or of stars only, matches everything; so do an absent step sequence and one without item or with empty items.
* Two ranges of date and time are one period (note of table K.6-1); otherwise date and time are compared each by itself.
* Several items in the step sequence, which the standard does not allow, are read as alternatives.
* A key that is not in our table, or has a value that we do not match, is an optional key not supported: every answer says FF01.
* A key in another VR than its own, or a date that is none, is A900 naming it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from gateways.edge.dicom import datasets, keys, values
from gateways.edge.dicom.items import DATE_TIME, Item
from gateways.edge.dicom.keys import Match

Predicate = tuple[keys.Path, values.Test]
_ANY_VR = frozenset({"UN", ""})
INDEXED: tuple[keys.Path, ...] = (
    (keys.STEP_SEQUENCE, keys.STATION),
    (keys.STEP_SEQUENCE, keys.START_DATE),
    (keys.PATIENT_ID,),
    (keys.ACCESSION,),
)


class QueryFault(Exception):
    """A query that cannot be answered.

    Args:
        status: A900 (does not fit the SOP class) or C000 (cannot be processed).
        tag: (0000,0901), the element at fault, 0 for none.
        comment: (0000,0902), ASCII, no value of the query.
    """

    def __init__(self, status: int, comment: str, tag: int = 0) -> None:
        super().__init__(comment)
        self.status, self.comment, self.tag = status, comment, tag


@dataclass
class Query:
    """A compiled query.

    Args:
        top: Tests outside the step sequence; all must hold.
        steps: Alternatives of tests inside it; empty when it restricts nothing.
        asked: Tags asked for at the top, `asked_step` in the step; None when the whole step was asked for.
        unsupported: Optional keys not supported, which make every answer FF01.
        exact: Conditions that name their values, so that an index can be asked: the item has one of these values at this path.
    """

    dataset: Dataset
    top: list[Predicate] = field(default_factory=list)
    steps: list[list[Predicate]] = field(default_factory=list)
    unsupported: set[int] = field(default_factory=set)
    exact: list[tuple[keys.Path, tuple[str, ...]]] = field(default_factory=list)

    def matches(self, item: Item) -> bool:
        """Return whether the item answers the query."""
        return _all(self.top, item) and (not self.steps or any(_all(step, item) for step in self.steps))

    def answer(self, item: Item, *, echo_unknown: bool = False) -> Dataset:
        """Return what the item answers: the attributes asked for, and those of return type 1 in any case.

        Args:
            echo_unknown: Return unsupported optional keys empty instead of leaving them out.
        """
        answer = _project(item.dataset, self.dataset, 0, echo_unknown=echo_unknown)
        for key in keys.ALWAYS_RETURNED:
            if len(key.path) == 1 and key.path[0] not in answer and datasets.texts(item.dataset, key.path[0]):
                answer[key.path[0]] = item.dataset[key.path[0]]
        answer[keys.STEP_SEQUENCE] = _step(item.dataset, self.dataset, echo_unknown=echo_unknown)
        if keys.SPECIFIC_CHARACTER_SET in self.dataset:
            answer.add_new(keys.SPECIFIC_CHARACTER_SET, "CS", "")
        return answer


def read_query(encoded: bytes, *, implicit: bool, station_charset: str) -> Query:
    """Read the identifier of a C-FIND request.

    Args:
        station_charset: What the station means when it names no character set.

    Raises:
        QueryFault: C000 undecodable, A900 for a key that does not fit.
    """
    try:
        return compile_query(datasets.decode(encoded, implicit=implicit, default_charset=station_charset))
    except QueryFault:
        raise
    except Exception as error:
        raise QueryFault(0xC000, "identifier cannot be decoded") from error


def compile_query(dataset: Dataset) -> Query:
    """Compile a query; see the module's rules.

    Raises:
        QueryFault: A900 for a key that does not fit.
    """
    query = Query(dataset)
    query.top = list(_predicates(dataset, (), query))
    if keys.STEP_SEQUENCE in dataset:
        steps = [list(_predicates(step, (keys.STEP_SEQUENCE,), query)) for step in dataset[keys.STEP_SEQUENCE].value]
        query.steps = steps if all(steps) else []
    query.exact = [(path, named) for path in INDEXED if (named := _named(dataset, path))]
    return query


def _named(dataset: Dataset, path: keys.Path) -> tuple[str, ...]:
    """Return the values a key names one by one; nothing when it leaves the choice open in any way."""
    tag = path[-1]
    if path[0] == keys.STEP_SEQUENCE:
        steps = dataset[path[0]].value if path[0] in dataset else []
        if len(steps) != 1:
            return ()
        dataset = steps[0]
    wanted = datasets.texts(dataset, tag)
    open_ended = set("*?-" if tag == keys.START_DATE else "*?")
    if any(open_ended & set(value) for value in wanted):
        return ()
    named = tuple(values.date(value) if tag == keys.START_DATE else values.trim(value) for value in wanted)
    return named if all(named) else ()


def _all(predicates: list[Predicate], item: Item) -> bool:
    return all(test(item.values.get(path, ())) for path, test in predicates)


def _predicates(dataset: Dataset, parent: keys.Path, query: Query) -> Iterator[Predicate]:
    combined = parent and _is_range(dataset, keys.START_DATE) and _is_range(dataset, keys.START_TIME)
    for element in dataset:
        tag = int(element.tag)
        if tag & 0xFFFF == 0 or tag in keys.IGNORED:
            continue
        key = keys.BY_PATH.get((*parent, tag))
        if key is None:
            query.unsupported.add(tag)
            continue
        if element.VR != key.vr and element.VR not in _ANY_VR:
            raise QueryFault(0xA900, f"VR is not {key.vr}", tag)
        if key.match is Match.SEQUENCE or (combined and tag in (keys.START_DATE, keys.START_TIME)):
            continue
        test = _test(dataset, key, query)
        if test is not None:
            yield key.path, test
    if combined:
        yield DATE_TIME, _one_period(dataset)


def _is_range(dataset: Dataset, tag: int) -> bool:
    found = datasets.texts(dataset, tag)
    return len(found) == 1 and "-" in found[0] and not values.universal(found[0])


def _one_period(dataset: Dataset) -> values.Test:
    try:
        first_day, last_day = values.period(datasets.texts(dataset, keys.START_DATE)[0], values.date)
        first_time, last_time = values.period(datasets.texts(dataset, keys.START_TIME)[0], values.time)
    except values.BadValue as error:
        raise QueryFault(0xA900, "not a range", keys.START_DATE) from error
    first = first_day + (first_time or "000000000000") if first_day else ""
    last = last_day + (last_time or "235960999999") if last_day else ""
    return values.within(first, last)


def _test(dataset: Dataset, key: keys.Key, query: Query) -> values.Test | None:
    """Compile one key; None when it matches everything."""
    if key.match is Match.RETURN_ONLY:
        if _has_value(dataset, key.path[-1]):
            query.unsupported.add(key.path[-1])
        return None
    wanted = list(datasets.texts(dataset, key.path[-1]))
    if not wanted or any(values.universal(value) for value in wanted):
        return None
    try:
        if key.match is Match.DATE:
            return _any_period([values.period(value, values.date) for value in wanted])
        if key.match is Match.TIME:
            return _any_period([values.period(value, values.time) for value in wanted])
    except values.BadValue as error:
        raise QueryFault(0xA900, f"not a {key.vr}", key.path[-1]) from error
    return values.names(wanted) if key.match is Match.NAME else values.text(wanted)


def _any_period(periods: list[tuple[str, str]]) -> values.Test:
    tests = [values.within(first, last) for first, last in periods]
    return lambda found: any(test(found) for test in tests)


def _has_value(dataset: Dataset, tag: int) -> bool:
    element = dataset[tag]
    if element.VR != "SQ":
        return any(not values.universal(value) for value in datasets.texts(dataset, tag))
    return any(_has_value(item, int(inner.tag)) for item in element.value for inner in item)


def _step(source: Dataset, query: Dataset, *, echo_unknown: bool) -> Any:
    step = source[keys.STEP_SEQUENCE].value[0]
    asked = list(query[keys.STEP_SEQUENCE].value) if keys.STEP_SEQUENCE in query else []
    answer = Dataset()
    for one in asked:
        answer.update(_project(step, one, 1, echo_unknown=echo_unknown))
    for key in keys.ALWAYS_RETURNED:
        if len(key.path) == 2 and key.path[1] not in answer and key.path[1] in step:
            answer[key.path[1]] = step[key.path[1]]
    whole = Dataset()
    whole.add_new(keys.STEP_SEQUENCE, "SQ", Sequence([answer]))
    return whole[keys.STEP_SEQUENCE]


def _project(source: Dataset, query: Dataset, depth: int, *, echo_unknown: bool) -> Dataset:
    """Return the elements of `source` that the query names; those we support and do not have are empty."""
    answer = Dataset()
    for element in query:
        tag = int(element.tag)
        if tag & 0xFFFF == 0 or tag in keys.IGNORED or tag == keys.STEP_SEQUENCE:
            continue
        key = keys.BY_PATH.get((keys.STEP_SEQUENCE, tag) if depth else (tag,))
        if key is None:
            if echo_unknown:
                answer.add_new(tag, element.VR, Sequence([]) if element.VR == "SQ" else None)
        elif tag in source:
            answer[tag] = _nested(source[tag], element)
        else:
            answer.add_new(tag, key.vr, Sequence([]) if key.vr == "SQ" else None)
    return answer


def _nested(found: Any, asked: Any) -> Any:
    """Return a sequence with the attributes its query item names; all of them when it names none."""
    if found.VR != "SQ" or asked.VR != "SQ":
        return found
    wanted = {int(inner.tag) for item in asked.value for inner in item}
    if not wanted:
        return found
    whole = Dataset()
    whole.add_new(found.tag, "SQ", Sequence([_only(item, wanted) for item in found.value]))
    return whole[found.tag]


def _only(item: Dataset, wanted: set[int]) -> Dataset:
    kept = Dataset()
    for element in item:
        if int(element.tag) in wanted:
            kept[element.tag] = element
    return kept
