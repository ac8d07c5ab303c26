"""Keep a form whose session ended while it was typed, and give it back to the same account after login."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ris.application.access.begin_login import fingerprint
from ris.application.access.ports import AccessServices
from ris.domain.access.kept import LARGEST, KeptForm

_SECRETS = frozenset({"csrf"})


def keep_form(s: AccessServices, csrf_token: str, place: str, fields: Mapping[str, str], now: datetime) -> KeptForm | None:
    """Keep what somebody typed, for whoever the page was given to.

    Args:
        s: The ports.
        csrf_token: Of the form: what says whose it is, however its session ended (idle, expired, logged out in another window).
        place: Local path of the page that gives it back.
        fields: Of the form.
        now: Aware UTC instant.

    Returns:
        The form as kept; None where no session of ours gave out that token, or it is larger than anything a page of ours sends.

    Raises:
        RemoteUnavailable: Nothing was kept.
    """
    account_id = s.sessions.writer_of(fingerprint(csrf_token)) if csrf_token else ""
    typed = {name: value for name, value in fields.items() if name not in _SECRETS}
    if not account_id or sum(len(name) + len(value) for name, value in typed.items()) > LARGEST:
        return None
    form = KeptForm(account_id, place, typed, now)
    s.sessions.keep_form(form)
    return form


def kept_form(s: AccessServices, account_id: str, place: str, now: datetime) -> KeptForm | None:
    """Return the form kept for a page and an account, or None."""
    form = s.sessions.kept_form(account_id, place)
    return form if form is not None and now < form.expires_at else None


def drop_form(s: AccessServices, account_id: str, place: str) -> None:
    """Forget a form: it was saved, or its writer does not want it; doing it twice changes nothing."""
    s.sessions.drop_form(account_id, place)
