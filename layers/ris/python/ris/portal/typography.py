"""French punctuation stays with its word: before `: ; ? ! » %` and behind `«` a line does not break."""

from __future__ import annotations

import re
from collections.abc import Iterable

from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

_BLANK = re.compile(r"(?:(?<=\S)|^) (?=[:;?!»%](?:[\s<.,;:)]|$))|(?<=«) ")


def bound(text: str) -> str:
    """Return a text of ours whose punctuation cannot stand alone on the next line."""
    return _BLANK.sub("\u00a0", text)


class French(Extension):
    """Binds what stands in the templates themselves; what they show is left as it is."""

    def filter_stream(self, stream: TokenStream) -> Iterable[Token]:
        """Pass the template's tokens on, its own text bound."""
        for token in stream:
            yield Token(token.lineno, token.type, bound(token.value)) if token.type == "data" else token
