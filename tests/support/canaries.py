"""A patient whose every value is a word found nowhere else, and how such a word is found whatever somebody did to it."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from urllib.parse import quote, quote_plus

from ris.domain.identity.ins import OID_NIR_TEST, Ins
from ris.domain.identity.patient import Identifier, Traits

TRAITS = Traits(
    birth_family="KANARIFAMQ",
    birth_given="KANARIGIVQ",
    birth_given_all="KANARIGIVQ KANARIALLQ",
    used_family="Kanariüsédq",
    used_given="Kanariprenq",
    birth_date=date(1931, 7, 23),
    birth_date_text="19310723",
    sex="F",
    birth_place_insee="9K31Q",
    phone="0699887711",
)
INS = Ins("275126322074974", OID_NIR_TEST)
IPP = "KANARIIPP77"
REASON = "Kanarireasonq"
REPORT = "Kanarireportq"
REQUESTER = "Kanaridocteurq"

WORDS = tuple(
    sorted(
        {
            *(
                word
                for text in (TRAITS.birth_family, TRAITS.birth_given_all, TRAITS.used_family, TRAITS.used_given)
                for word in text.split()
            ),
            "19310723",
            "1931-07-23",
            "23/07/1931",
            TRAITS.birth_place_insee,
            TRAITS.phone,
            INS.matricule,
            IPP,
            REASON,
            REPORT,
            REQUESTER,
        }
    )
)


def identifier(authority: str) -> Identifier:
    """Return the patient's IPP of a domain."""
    return Identifier(IPP, authority, "PI")


def found_in(text: str, words: Iterable[str] = WORDS) -> list[str]:
    """Return the words that stand in a text: as they are, in whatever case, escaped for JSON, HTML, an address or HL7, or in base64."""
    lowered = text.lower()
    return [word for word in words if any(form in text or form.lower() in lowered for form in _forms(word))]


def _forms(word: str) -> set[str]:
    data = word.encode()
    hl7 = "".join(letter if letter.isascii() else f"\\X{letter.encode().hex().upper()}\\" for letter in word)
    escaped = {
        word,
        json.dumps(word)[1:-1],
        quote(word),
        quote_plus(word),
        html.escape(word),
        ascii(word)[1:-1],
        repr(data)[2:-1],
        hl7,
    }
    return escaped | {_middle(data, shift) for shift in range(3)} | {data.hex()}


def _middle(data: bytes, shift: int) -> str:
    """Return what base64 makes of the word wherever it begins among the bytes of three, without the letters that its neighbours share."""
    text = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
    return text[-(-shift * 8 // 6) + (1 if shift else 0) : -1]


def values_of_demo(inputs: Path) -> tuple[str, ...]:
    """Return the names, dates and numbers of the patients that the demo's messages tell of; what is short could be a word of ours."""
    found: set[str] = set()
    for path in sorted(inputs.rglob("*.hl7")):
        for line in path.read_bytes().decode("utf-8", "replace").replace("\n", "\r").split("\r"):
            fields = line.split("|")
            if fields[0] == "PID":
                found |= {part for number in (3, 5, 7, 13) if number < len(fields) for part in _parts(fields[number])}
    return tuple(sorted(found))


def _parts(field: str) -> set[str]:
    whole = {piece for repetition in field.split("~") for piece in repetition.split("^")[:3]}
    return {word for piece in whole for word in piece.split() if len(word) >= 5}
