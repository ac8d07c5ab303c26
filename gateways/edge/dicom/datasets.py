"""Data sets: bytes to text and back, and DICOM JSON. pydicom makes and reads them; nothing here knows a network.

Source: PS3.5 6.1.2.3 (character sets), PS3.18 annex F (DICOM JSON).
"""

from __future__ import annotations

import contextlib
import io
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pydicom.charset
import pydicom.config
import pydicom.dataelem
import pydicom.filereader
import pydicom.hooks
import pydicom.valuerep
from pydicom.charset import python_encoding
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.sequence import Sequence

from gateways.edge.dicom import charset, keys

# Values of the wire are judged here, by the tables of this package, not by the library.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

TEXT = frozenset({"LO", "SH", "ST", "LT", "UT", "UC", "PN"})


MAX_DEPTH = 16


class Undecodable(Exception):
    """The bytes are no data set of their transfer syntax and character set."""


_thread = threading.local()


@contextlib.contextmanager
def strictly() -> Iterator[None]:
    """Read in this thread without guessing.

    What the library would only warn of (an end that comes too early, characters that do not fit) is `Undecodable`. The warnings
    module cannot say so: its filters are one for all threads.
    """
    before = getattr(_thread, "strict", False)
    _thread.strict = True
    try:
        yield
    finally:
        _thread.strict = before


def _warn(*_: Any, **__: Any) -> None:
    """Stand in for the library's own way to warn."""
    if getattr(_thread, "strict", False):
        raise Undecodable("doubtful")


for _module in (pydicom.charset, pydicom.dataelem, pydicom.filereader, pydicom.valuerep):
    _module.warn_and_log = _warn
# A tag that no dictionary has is not doubtful: it is an optional key that we do not support.
pydicom.hooks.warn_and_log = lambda *_, **__: None


def decode(
    encoded: bytes, *, implicit: bool, default_charset: str = "ISO_IR 100", liberal: bool = False, most: int | None = None
) -> Dataset:
    """Read a little-endian data set completely.

    Args:
        encoded: The data set of one DIMSE message.
        implicit: Implicit VR; else explicit.
        default_charset: What a sender means that names no character set but uses one.
        liberal: Keep a value that is none of its VR or character set as Latin-1 text instead of refusing the whole.
        most: Elements and items, of every depth together.

    Raises:
        Undecodable: Cut short, nested too deep, more than `most`, or characters that do not fit.
    """
    try:
        with strictly():
            dataset = read_dataset(
                io.BytesIO(encoded), implicit, True, parent_encoding=python_encoding.get(default_charset, "latin_1")
            )
            touch(dataset, liberal=liberal, left=None if most is None else iter(range(most)))
    except Exception as error:
        raise Undecodable(type(error).__name__) from error
    return dataset


def touch(dataset: Dataset, depth: int = 0, *, liberal: bool = False, left: Iterator[int] | None = None) -> None:
    """Convert every element now, so that what cannot be converted is found here and no thread converts later.

    A number that is none (`70,5`) stays as text; any other value that cannot be converted only when `liberal`. Each element and item
    takes one of what is `left`.
    """
    if depth > MAX_DEPTH:
        raise Undecodable("nesting")
    for tag in [None, *dataset.keys()]:
        if left is not None and next(left, None) is None:
            raise Undecodable("too many")
        if tag is None:  # the item itself
            continue
        raw = dataset.get_item(tag)
        if _is_cut(raw):
            raise Undecodable("cut")
        try:
            element = dataset[tag]
        except Exception:
            if not liberal and raw.VR not in ("DS", "IS", None):
                raise
            value = raw.value if isinstance(raw.value, bytes) else b""
            dataset[tag] = DataElement(tag, "UT", value.decode("latin-1").strip(" \0"))
            continue
        if element.VR == "SQ":
            for item in element.value:
                touch(item, depth + 1, liberal=liberal, left=left)


def _is_cut(element: Any) -> bool:
    """Return whether the bytes ended before the value did, which the library does not look at."""
    return isinstance(element, RawDataElement) and element.length != 0xFFFFFFFF and len(element.value or b"") < element.length


def refuse_rest(dataset: Dataset, size: int) -> None:
    """Refuse a file with bytes after its last element, too few to be another: it is still being written.

    Args:
        dataset: As read from the file, before anything of it was converted.
        size: Of the file, in bytes.
    """
    last = dataset.get_item(list(dataset.keys())[-1]) if len(dataset) else None
    if isinstance(last, RawDataElement) and last.length != 0xFFFFFFFF and last.value_tell + last.length < size:
        raise Undecodable("cut")


def from_json(document: dict[str, Any]) -> Dataset:
    """Read DICOM JSON.

    Raises:
        Undecodable: It is none.
    """
    try:
        return Dataset.from_json(document)
    except Exception as error:
        raise Undecodable(type(error).__name__) from error


def to_json(dataset: Dataset) -> dict[str, Any]:
    """Write DICOM JSON; an element that has no JSON form (a number that is none, say) is kept as text or left out."""
    document: dict[str, Any] = {}
    for element in dataset:
        name = f"{element.tag:08X}"
        if element.VR == "SQ":
            document[name] = {"vr": "SQ", "Value": [to_json(item) for item in element.value]}
            continue
        try:
            document[name] = element.to_json_dict(None, 1 << 30)
        except Exception:  # one odd element must not lose the others
            document[name] = {"vr": "UT", "Value": [str(element.value)]}
    document.pop("00080005", None)
    return document


def elements(dataset: Dataset) -> list[DataElement]:
    """Return the elements by tag; what was read completely is not looked up again, as the data set's own iteration does."""
    found = (one if isinstance(one, DataElement) else dataset[one.tag] for one in dataset.values())
    return sorted(found, key=_number)


def _number(element: DataElement) -> int:
    return int(element.tag)


def texts(dataset: Dataset, tag: int) -> tuple[str, ...]:
    """Return an element's values as texts, without empty ones."""
    return texts_of(dataset[tag]) if tag in dataset else ()


def texts_of(element: DataElement) -> tuple[str, ...]:
    """Return the values of one element as texts, without empty ones."""
    value = element.value
    if element.VR == "SQ" or value is None or value == "":
        return ()
    many = value if isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue" else [value]
    return tuple(str(one) for one in many if one is not None and str(one) != "")


def fitted(dataset: Dataset, station_charset: str) -> tuple[Dataset, bool]:
    """Return a copy whose text a station of that character set can read, in (0008,0005) if it needs one, and whether it is ASCII.

    Text is transliterated for ISO_IR 6 and ISO_IR 100; names and descriptions are brought within their lengths. An identifier is
    never changed: where the set does not hold one, the whole step is in the next wider one and says so. Only attributes of the
    table stay.
    """
    identifiers = list(_identifiers(dataset))
    sets = list(charset.FITS)
    name = next(one for one in sets[sets.index(station_charset) :] if all(map(charset.holds(one), identifiers)))
    copy, ascii_only = _fitted(dataset, charset.FITS[name], ())
    copy.SpecificCharacterSet = name
    return copy, ascii_only


def _identifiers(dataset: Dataset) -> Iterator[str]:
    for element in elements(dataset):
        if element.VR == "SQ":
            for item in element.value:
                yield from _identifiers(item)
        elif int(element.tag) in keys.IDENTIFIERS:
            yield from texts_of(element)


def _fitted(dataset: Dataset, fits: Callable[[str], str], parent: tuple[int, ...]) -> tuple[Dataset, bool]:
    copy = Dataset()
    ascii_only = True
    for element in elements(dataset):
        tag = int(element.tag)
        if parent in ((), (keys.STEP_SEQUENCE,)) and (*parent, tag) not in keys.BY_PATH:
            continue
        if element.VR == "SQ":
            items = [_fitted(item, fits, (*parent, tag)) for item in element.value]
            ascii_only = ascii_only and all(plain for _, plain in items)
            copy.add_new(element.tag, "SQ", Sequence([item for item, _ in items]))
        elif element.VR in TEXT:
            values = [_fit(text, element.VR, tag, fits) for text in texts_of(element)]
            ascii_only = ascii_only and all(value.isascii() for value in values)
            copy.add_new(element.tag, element.VR, values[0] if len(values) == 1 else values or "")
        else:
            copy.add_new(element.tag, element.VR, element.value)
    return copy, ascii_only


def _fit(value: str, vr: str, tag: int, fits: Callable[[str], str]) -> str:
    value = fits(value)
    if vr == "PN":
        return charset.shorten_name(value)
    return value if tag in keys.IDENTIFIERS else charset.shorten_text(value, vr)
