"""Worklist answers as bytes: a step encoded once, attribute by attribute, and put together as a query asks.

When a step arrives its attributes are fitted to each character set and written in both transfer syntaxes. A query becomes a shape:
the tags it wants in order, each with what stands there when the step has none. An answer is then a walk over the shape that joins
bytes; no data set is made and nothing is converted.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import count
from typing import TypeAlias

from pydicom.charset import convert_encodings
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element

from gateways.edge.dicom import datasets, keys

CHARSETS = ("ISO_IR 192", "ISO_IR 100", "ISO_IR 6")
_LONG = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_TAG = struct.Struct("<HH")
_LENGTH = struct.Struct("<I")
_ITEM = _TAG.pack(0xFFFE, 0xE000)

SHAPES_KEPT = 4

Form: TypeAlias = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class Element:
    """One attribute as bytes.

    Args:
        whole: Tag, length and value.
        plain: ASCII only, so that no character set need be named for it.
        items: Of a sequence, its items' elements in order of their tags.
    """

    whole: bytes
    plain: bool
    empty: bool
    items: tuple[dict[int, Element], ...] | None = None


@dataclass(frozen=True, slots=True)
class EncodedStep:
    """One step in one character set and transfer syntax.

    Args:
        charset: (0008,0005) as an element.
        top: Attributes by tag, without the step sequence.
        step: Attributes of its item.
        made: Answers to the last shapes, by their keys: stations ask the same every few seconds.
    """

    charset: bytes
    top: dict[int, Element]
    step: dict[int, Element]
    made: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One attribute of an answer.

    Args:
        absent: What stands there when the step has none; None leaves it out then, and when it is empty.
        nested: Attributes wanted of a sequence's items; empty for all.
    """

    tag: int
    absent: bytes | None
    nested: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Shape:
    """What every answer to one query holds.

    Args:
        before, after: Attributes before and after the step sequence, by tag.
        names_charset: (0008,0005) was asked for.
    """

    before: tuple[Wanted, ...]
    step: tuple[Wanted, ...]
    after: tuple[Wanted, ...]
    implicit: bool
    names_charset: bool
    key: int = field(default=0, compare=False)

    def answer(self, encoded: EncodedStep) -> bytes:
        """Return the data set of one answer."""
        made = encoded.made.get(self.key) if self.key else None
        if made is None:
            made = self._make(encoded)
            if self.key:
                if len(encoded.made) >= SHAPES_KEPT:
                    encoded.made.clear()
                encoded.made[self.key] = made
        return made

    def _make(self, encoded: EncodedStep) -> bytes:
        parts: list[bytes] = []
        plain = self._walk(self.before, encoded.top, parts)
        inner: list[bytes] = []
        plain = self._walk(self.step, encoded.step, inner) and plain
        parts.append(sequence(keys.STEP_SEQUENCE, (b"".join(inner),), implicit=self.implicit))
        plain = self._walk(self.after, encoded.top, parts) and plain
        if self.names_charset or not plain:
            parts.insert(0, encoded.charset)
        return b"".join(parts)

    def _walk(self, wanted: tuple[Wanted, ...], found: Mapping[int, Element], parts: list[bytes]) -> bool:
        plain = True
        for one in wanted:
            element = found.get(one.tag)
            if element is None:
                if one.absent is not None:
                    parts.append(one.absent)
                continue
            if one.absent is None and element.empty:
                continue
            if one.nested and element.items:
                parts.append(self._only(one, element.items))
            else:
                parts.append(element.whole)
            plain = plain and element.plain
        return plain

    def _only(self, wanted: Wanted, items: tuple[dict[int, Element], ...]) -> bytes:
        kept = (b"".join(one.whole for tag, one in item.items() if tag in wanted.nested) for item in items)
        return sequence(wanted.tag, tuple(kept), implicit=self.implicit)


_keys = count(1)


@lru_cache(256)
def known_shape(shape: Shape) -> Shape:
    """Return the one object of this shape, whose answers a step keeps."""
    return replace(shape, key=next(_keys))


def element(tag: int, vr: str, value: bytes, *, implicit: bool) -> bytes:
    """Write one element, little endian."""
    head = _TAG.pack(tag >> 16, tag & 0xFFFF)
    if implicit:
        return head + _LENGTH.pack(len(value)) + value
    if vr in _LONG:
        return head + vr.encode("ascii") + b"\0\0" + _LENGTH.pack(len(value)) + value
    return head + vr.encode("ascii") + len(value).to_bytes(2, "little") + value


def sequence(tag: int, items: tuple[bytes, ...], *, implicit: bool) -> bytes:
    """Write a sequence with defined lengths."""
    return element(tag, "SQ", b"".join(_ITEM + _LENGTH.pack(len(item)) + item for item in items), implicit=implicit)


def encode_step(dataset: Dataset) -> dict[Form, EncodedStep]:
    """Encode a step for every character set and both transfer syntaxes; one that is ASCII in the widest set is the same in all.

    Raises:
        Exception: Whatever pydicom raises for a value that cannot be written.
    """
    widest, plain = datasets.fitted(dataset, CHARSETS[0])
    forms: dict[Form, EncodedStep] = _encode(widest, CHARSETS[0])
    for charset in CHARSETS[1:]:
        if not plain:
            forms |= _encode(datasets.fitted(dataset, charset)[0], charset)
            continue
        for implicit in (True, False):
            made = forms[CHARSETS[0], implicit]
            forms[charset, implicit] = EncodedStep(_charset(charset, implicit=implicit), made.top, made.step)
    return forms


def _encode(fitted: Dataset, station_charset: str) -> dict[Form, EncodedStep]:
    """Encode a fitted step in both transfer syntaxes, in the set it names, for stations of this set."""
    charset = str(fitted.SpecificCharacterSet)
    forms = {}
    for implicit, top in zip((True, False), _elements(fitted, tuple(convert_encodings(charset))), strict=True):
        step = top.pop(keys.STEP_SEQUENCE).items
        forms[station_charset, implicit] = EncodedStep(_charset(charset, implicit=implicit), top, step[0] if step else {})
    return forms


def _charset(charset: str, *, implicit: bool) -> bytes:
    value = "" if charset == "ISO_IR 6" else charset  # the default repertoire is named by an empty value (PS3.3 C.12.1.1.2)
    return element(keys.SPECIFIC_CHARACTER_SET, "CS", value.encode("ascii") + b" " * (len(value) % 2), implicit=implicit)


def _elements(dataset: Dataset, encodings: tuple[str, ...]) -> tuple[dict[int, Element], dict[int, Element]]:
    """Return the elements of a data set by tag, in implicit and in explicit VR."""
    both: tuple[dict[int, Element], dict[int, Element]] = ({}, {})
    for one in datasets.elements(dataset):
        tag = int(one.tag)
        if tag == keys.SPECIFIC_CHARACTER_SET:
            continue
        if one.VR != "SQ":
            for found, made in zip(both, _leaf(tag, one, encodings), strict=True):
                found[tag] = made
            continue
        items = [_elements(item, encodings) for item in one.value]
        for number, found in enumerate(both):
            chosen = tuple(item[number] for item in items)
            whole = sequence(tag, tuple(b"".join(inner.whole for inner in item.values()) for item in chosen), implicit=number == 0)
            plain = all(inner.plain for item in chosen for inner in item.values())
            found[tag] = Element(whole, plain, not chosen, chosen)
    return both


def _leaf(tag: int, one: DataElement, encodings: tuple[str, ...]) -> tuple[Element, Element]:
    """Write one element both ways; the many that are alike in all steps (a modality, a day, nothing at all) once."""
    return _known_leaf(tag, one.VR, one.value, encodings) if type(one.value) is str else _written(tag, one, encodings)


@lru_cache(2048)
def _known_leaf(tag: int, vr: str, value: str, encodings: tuple[str, ...]) -> tuple[Element, Element]:
    return _written(tag, DataElement(tag, vr, value), encodings)


def _written(tag: int, one: DataElement, encodings: tuple[str, ...]) -> tuple[Element, Element]:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = True, True
    write_data_element(buffer, one, list(encodings))
    written: bytes = buffer.getvalue()
    value = written[8:]
    plain = one.VR not in datasets.TEXT or value.isascii()
    explicit = element(tag, one.VR, value, implicit=False)
    return Element(written, plain, not value), Element(explicit, plain, not value)
