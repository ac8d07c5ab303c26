"""One scheduled step as the worklist holds it: its values ready for comparison, and its attributes as bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import product

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from gateways.edge.dicom import answers, datasets, keys, values

_TYPE_1 = tuple(key for key in keys.KEYS if key.kind == "1" and key.match is not keys.Match.SEQUENCE)
DATE_TIME: keys.Path = (keys.STEP_SEQUENCE, keys.START_DATE, keys.START_TIME)
STATION: keys.Path = (keys.STEP_SEQUENCE, keys.STATION)
DAY: keys.Path = (keys.STEP_SEQUENCE, keys.START_DATE)
MODALITY: keys.Path = (keys.STEP_SEQUENCE, keys.MODALITY)
NAME: keys.Path = (keys.PATIENT_NAME,)
# What an index is kept of, the narrowest first. A name is entered by its beginning.
INDEXES: tuple[tuple[keys.Path, ...], ...] = (
    (STATION, DAY),
    (DAY, MODALITY),
    (STATION,),
    (DAY,),
    (MODALITY,),
    (NAME,),
    ((keys.PATIENT_ID,),),
    ((keys.ACCESSION,),),
    ((keys.STUDY_UID,),),
    ((keys.STEP_SEQUENCE, keys.STEP_ID),),
)
Entry = tuple[tuple[keys.Path, ...], tuple[str, ...]]


class BadItem(Exception):
    """A worklist data set that cannot be served; names the first attribute missing."""


@dataclass(frozen=True)
class Item:
    """One scheduled step.

    Args:
        sps_id: (0040,0009), unique in the list.
        called: Stand-alone: the called AE title whose list it is on; empty for any.
        forms: The step as bytes, by character set and whether implicit VR.
        values: By path, trimmed and folded as `values` compares them; dates and times in full length.
        version: Of the feed.
        state: As the feed said it: `scheduled` or `in_progress`.
        expires_at: After this it is no longer answered.
    """

    sps_id: str
    forms: Mapping[answers.Form, answers.EncodedStep]
    values: Mapping[keys.Path, tuple[str, ...]]
    called: str = ""
    version: int = 0
    state: str = "scheduled"
    expires_at: datetime | None = None

    @property
    def accession(self) -> str:
        """(0008,0050)."""
        return next(iter(self.values.get((keys.ACCESSION,), ())), "")

    @property
    def study_uid(self) -> str:
        """(0020,000D)."""
        return next(iter(self.values.get((keys.STUDY_UID,), ())), "")

    @cached_property
    def starts(self) -> str:
        """Start in the site's time, YYYYMMDDHHMMSSFFFFFF."""
        return next(iter(self.values.get(DATE_TIME, ())), "")

    @cached_property
    def stations(self) -> tuple[str, ...]:
        """Titles of the stations it is scheduled at."""
        return self.values.get(STATION, ())

    @cached_property
    def order(self) -> tuple[str, str, str]:
        """What answers are sorted by: start, then step id."""
        return self.starts, self.sps_id, self.called

    def entries(self) -> Iterator[Entry]:
        """Yield where an index has it."""
        for paths in INDEXES:
            for found in product(*(self._indexed(path) for path in paths)):
                yield paths, found

    def _indexed(self, path: keys.Path) -> tuple[str, ...]:
        found = self.values.get(path, ())
        return tuple({values.beginning(group) for name in found for group in name.split("=")}) if path == NAME else found


def read_items(
    dataset: Dataset, *, called: str = "", version: int = 0, state: str = "scheduled", expires_at: datetime | None = None
) -> list[Item]:
    """Make the items of one worklist data set, one for each step in it.

    Raises:
        BadItem: Not every attribute of return type 1 has a value, a date or time is none, or it cannot be written.
    """
    items = []
    steps = dataset[keys.STEP_SEQUENCE].value if keys.STEP_SEQUENCE in dataset else ()
    for step in steps:
        single = dataset if len(steps) == 1 else _single(dataset, step)
        found = dict(_values(single, step))
        for key in _TYPE_1:
            if not found.get(key.path):
                raise BadItem(key.keyword)
        sps_id = found[(keys.STEP_SEQUENCE, keys.STEP_ID)][0]
        items.append(Item(sps_id, _encoded(single), found, called, version, state, expires_at))
    if not items:
        raise BadItem("ScheduledProcedureStepSequence")
    return items


def _single(dataset: Dataset, step: Dataset) -> Dataset:
    single = copy(dataset)
    single[keys.STEP_SEQUENCE] = copy(dataset[keys.STEP_SEQUENCE])
    single[keys.STEP_SEQUENCE].value = Sequence([step])
    return single


def _encoded(dataset: Dataset) -> Mapping[answers.Form, answers.EncodedStep]:
    try:
        return answers.encode_step(dataset)
    except Exception as error:  # whatever the library cannot write
        raise BadItem("cannot be encoded") from error


def _values(dataset: Dataset, step: Dataset) -> Iterator[tuple[keys.Path, tuple[str, ...]]]:
    present: dict[keys.Path, DataElement] = {(int(one.tag),): one for one in datasets.elements(dataset)}
    present |= {(keys.STEP_SEQUENCE, int(one.tag)): one for one in datasets.elements(step)}
    for path, element in present.items():
        key = keys.BY_PATH.get(path)
        if key is None:
            continue
        raw = datasets.texts_of(element)
        try:
            yield key.path, tuple(filter(None, (_comparable(value, key.match) for value in raw)))
        except values.BadValue as error:
            if key.kind == "1":
                raise BadItem(key.keyword) from error
            yield key.path, ()  # a birth date without a day, say: shown as it is, never matched
    days = [values.date(day) for day in datasets.texts(step, keys.START_DATE)]
    times = [values.time(time) for time in datasets.texts(step, keys.START_TIME)]
    yield DATE_TIME, tuple(day + time for day, time in zip(days, times, strict=False))


def _comparable(value: str, match: keys.Match) -> str:
    if match is keys.Match.NAME:
        return values.fold_name(value)
    if match is keys.Match.DATE:
        return values.date(value)
    if match is keys.Match.TIME:
        return values.time(value)
    return values.trim(value)
