"""French punctuation stays with its word."""

import pytest

from ris.portal.pages import render
from ris.portal.typography import bound

BLANK = "\u00a0"


@pytest.mark.parametrize(
    ("ours", "shown"),
    [
        ("INSi : en panne ; à suivre", f"INSi{BLANK}: en panne{BLANK}; à suivre"),
        ("dites « Annonce faite ».", f"dites «{BLANK}Annonce faite{BLANK}»."),
        (" : ", f"{BLANK}: "),
        ("« ", f"«{BLANK}"),
        ("12 % et 10:30", f"12{BLANK}% et 10:30"),
        ('<p class="a" hx-trigger="input delay:2s">ici</p>', '<p class="a" hx-trigger="input delay:2s">ici</p>'),
    ],
)
def test_punctuation_is_bound_to_its_word(ours: str, shown: str) -> None:
    assert shown == bound(ours)


def test_what_a_page_is_given_is_left_as_it_is() -> None:
    text = render("problem.html", {"code": "x", "status": 404, "title": "Page : « ici »", "text": "Un texte : le vôtre", **LAYOUT})
    assert "Un texte : le vôtre" in text
    assert f"Chercher le patient</a>{BLANK}: sa fiche" in text


LAYOUT = {"person": None, "menu": []}
