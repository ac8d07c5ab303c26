"""The pages a provider shows to a person: choose who one is, or why not. French; no script."""

from __future__ import annotations

from html import escape

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;color:#222}"
    "button{display:block;width:100%;text-align:left;padding:.8rem 1rem;margin:.4rem 0;border:1px solid #99a;"
    "border-radius:6px;background:#f6f7fb;font:inherit;cursor:pointer}small{color:#556}"
)


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )


def choice(title: str, action: str, interaction: str, people: list[tuple[str, str, str]]) -> str:
    """Return the page where a person is chosen.

    Args:
        title: Name of the provider.
        action: Path that the form posts to.
        interaction: What names this request, used once.
        people: Subject, name, and what they are.
    """
    buttons = "".join(
        f'<button name="subject" value="{escape(subject)}">{escape(name)}<br><small>{escape(what)}</small></button>'
        for subject, name, what in people
    )
    return _page(
        title,
        f'<p>Simulateur local : choisissez la personne qui se connecte.</p><form method="post" action="{escape(action)}">'
        f'<input type="hidden" name="interaction" value="{escape(interaction)}">{buttons}'
        '<button name="subject" value=""><small>Annuler la connexion</small></button></form>',
    )


def refusal(title: str, code: str, why: str) -> str:
    """Return the page of a request that cannot even be sent back to its client."""
    return _page(title, f"<p>Demande refusée : <code>{escape(code)}</code></p><p><small>{escape(why)}</small></p>")


def farewell(title: str) -> str:
    """Return the page after a logout that names no address to go back to."""
    return _page(title, "<p>Vous êtes déconnecté.</p>")
