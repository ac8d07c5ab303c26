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
from itertools import product
from typing import Any

from pydicom.dataset import Dataset

from gateways.edge.dicom import answers, datasets, keys, values
from gateways.edge.dicom.answers import Shape, Wanted, known_shape
from gateways.edge.dicom.items import DATE_TIME, DAY, INDEXES, NAME, Entry, Item
from gateways.edge.dicom.keys import Match

Predicate = tuple[keys.Path, values.Test]
_ANY_VR = frozenset({"UN", ""})
MOST_NAMED = 64
MAX_ELEMENTS = 1024


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


@dataclass(eq=False)
class Query:
    """A compiled query.

    Args:
        shape: What every answer holds.
        top: Tests outside the step sequence; all must hold.
        steps: Alternatives of tests inside it; empty when it restricts nothing.
        unsupported: Optional keys not supported, which make every answer FF01.
        lookups: For each index that can be asked, the narrowest first: its entries, one of which a step must have.
    """

    shape: Shape
    top: list[Predicate] = field(default_factory=list)
    steps: list[list[Predicate]] = field(default_factory=list)
    unsupported: set[int] = field(default_factory=set)
    lookups: list[list[Entry]] = field(default_factory=list)

    @property
    def names_station(self) -> bool:
        """Whether it restricts the station."""
        station = (keys.STEP_SEQUENCE, keys.STATION)
        return any(path == station for step in self.steps for path, _ in step)

    def matches(self, item: Item) -> bool:
        """Return whether the item answers the query."""
        if not _all(self.top, item):
            return False
        if len(self.steps) == 1:
            return _all(self.steps[0], item)
        return not self.steps or any(_all(step, item) for step in self.steps)


def read_query(encoded: bytes, *, implicit: bool, station_charset: str, echo_unknown: bool = False) -> Query:
    """Read the identifier of a C-FIND request.

    Args:
        station_charset: What the station means when it names no character set.
        echo_unknown: Return unsupported optional keys empty instead of leaving them out.

    Raises:
        QueryFault: C000 undecodable, A900 for a key that does not fit.
    """
    try:
        dataset = datasets.decode(encoded, implicit=implicit, default_charset=station_charset, most=MAX_ELEMENTS)
        return compile_query(dataset, implicit=implicit, echo_unknown=echo_unknown)
    except QueryFault:
        raise
    except Exception as error:
        raise QueryFault(0xC000, "identifier cannot be decoded") from error


def compile_query(dataset: Dataset, *, implicit: bool = False, echo_unknown: bool = False) -> Query:
    """Compile a query; see the module's rules.

    Raises:
        QueryFault: A900 for a key that does not fit.
    """
    query = Query(_shape(dataset, implicit=implicit, echo_unknown=echo_unknown))
    query.top = list(_predicates(dataset, (), query))
    if keys.STEP_SEQUENCE in dataset:
        steps = [list(_predicates(step, (keys.STEP_SEQUENCE,), query)) for step in dataset[keys.STEP_SEQUENCE].value]
        query.steps = steps if all(steps) else []
    for paths in INDEXES:
        named = [_named(dataset, path) for path in paths]
        if all(named):
            query.lookups.append([(paths, one) for one in product(*named)])
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
    if len(wanted) > MOST_NAMED:
        return ()
    if path == DAY:
        days = [_days(value) for value in wanted]
        named = tuple(day for one in days for day in one)
        return named if all(days) and len(named) <= MOST_NAMED else ()
    if path == NAME:
        named = tuple(values.beginning(values.fold_name(value)) for value in wanted)
        return () if any(set("*?=") & set(one) for one in named) or any("=" in value for value in wanted) else named
    if any(set("*?") & set(value) for value in wanted):
        return ()
    named = tuple(values.trim(value) for value in wanted)
    return named if all(named) else ()


def _days(value: str) -> list[str]:
    """Return the days of a single date or a short range."""
    if values.universal(value):
        return []
    first, last = values.period(value, values.date)
    return values.days(first, last, MOST_NAMED) if first and last else []


def _all(predicates: list[Predicate], item: Item) -> bool:
    for path, test in predicates:  # noqa: SIM110 - the most often run line of the gateway
        if not test(item.values.get(path, ())):
            return False
    return True


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
    if len(tests) == 1:
        return tests[0]
    return lambda found: any(test(found) for test in tests)


def _has_value(dataset: Dataset, tag: int) -> bool:
    element = dataset[tag]
    if element.VR != "SQ":
        return any(not values.universal(value) for value in datasets.texts(dataset, tag))
    return any(_has_value(item, int(inner.tag)) for item in element.value for inner in item)


def _shape(dataset: Dataset, *, implicit: bool, echo_unknown: bool) -> Shape:
    top = _wanted(dataset, (), implicit=implicit, echo_unknown=echo_unknown)
    step: dict[int, Wanted] = {}
    for item in dataset[keys.STEP_SEQUENCE].value if keys.STEP_SEQUENCE in dataset else ():
        step |= _wanted(item, (keys.STEP_SEQUENCE,), implicit=implicit, echo_unknown=echo_unknown)
    for key in keys.ALWAYS_RETURNED:
        if key.match is not Match.SEQUENCE:
            (top if len(key.path) == 1 else step).setdefault(key.path[-1], Wanted(key.path[-1], None))
    ordered = [top[tag] for tag in sorted(top)]
    return known_shape(
        Shape(
            tuple(one for one in ordered if one.tag < keys.STEP_SEQUENCE),
            tuple(step[tag] for tag in sorted(step)),
            tuple(one for one in ordered if one.tag > keys.STEP_SEQUENCE),
            implicit,
            keys.SPECIFIC_CHARACTER_SET in dataset,
        )
    )


def _wanted(dataset: Dataset, parent: keys.Path, *, implicit: bool, echo_unknown: bool) -> dict[int, Wanted]:
    """Return what a query names at one level; what we support and a step does not have is empty."""
    wanted = {}
    for element in dataset:
        tag = int(element.tag)
        if tag & 0xFFFF == 0 or tag in keys.IGNORED or tag == keys.STEP_SEQUENCE:
            continue
        key = keys.BY_PATH.get((*parent, tag))
        if key is not None:
            wanted[tag] = Wanted(tag, answers.element(tag, key.vr, b"", implicit=implicit), _nested(element))
        elif echo_unknown:
            wanted[tag] = Wanted(tag, answers.element(tag, element.VR, b"", implicit=implicit))
    return wanted


def _nested(asked: Any) -> frozenset[int]:
    """Return the attributes a key names of a sequence's items; none means all."""
    return frozenset(int(inner.tag) for item in asked.value for inner in item) if asked.VR == "SQ" else frozenset()
