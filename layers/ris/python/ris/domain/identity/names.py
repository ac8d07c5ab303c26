"""Names as they are searched: unaccented capitals, cut into words. Names as they are kept stay as their source wrote them."""

from __future__ import annotations

import re
import unicodedata

from ris.domain.identity.patient import Traits

_LONGEST = 64
_MOST = 24
_LIGATURES = str.maketrans({"Œ": "OE", "Æ": "AE", "Ø": "O", "Đ": "D", "Ł": "L"})
_APART = re.compile(r"[\s\-‐‑–—.,;/]+")


def normalised(word: str) -> str:
    """Return a word's letters and digits, unaccented and in capitals: `Gwénaëlle` is `GWENAELLE`, `D'Œuvre` is `DOEUVRE`."""
    bare = unicodedata.normalize("NFKD", word.upper().translate(_LIGATURES))
    return "".join(char for char in bare if char.isalnum())[:_LONGEST]


def words_of(text: str) -> list[str]:
    """Return the normalised words of a text, in order, once each; blanks, hyphens and dots part words, apostrophes do not."""
    return list(dict.fromkeys(filter(None, (normalised(piece) for piece in _APART.split(text)))))


def search_words(traits: Traits) -> list[str]:
    """Return every word a patient is found by: birth and used names, and `ALMEIDA` beside `DALMEIDA` for `D'ALMEIDA`."""
    found: dict[str, None] = {}
    for name in (traits.birth_family, traits.used_family, traits.birth_given, traits.used_given, traits.birth_given_all):
        found.update(dict.fromkeys(words_of(name)))
        found.update(dict.fromkeys(words_of(re.sub("['’]", " ", name))))
    return list(found)[:_MOST]
