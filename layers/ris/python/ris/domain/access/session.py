"""Who is at the keyboard: accounts, roles by site, and the session a login opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

ROLES = ("receptionist", "radiographer", "secretary", "radiologist", "identity_cell", "it", "finance", "auditor")
"""The only roles there are; each is held at a site."""

RIGHTS = ("query_insi", "qualify_ins", "correct_strict_traits")
"""Rights beside the roles: held by a person, used at the sites where that person has a role."""

PROVIDERS = ("group", "psc")
"""The two doors: the group's own OpenID Connect provider, and Pro Sante Connect."""


@dataclass(frozen=True)
class Account:
    """One person as the group's reference data names them.

    Args:
        account_id: Ours: `[A-Za-z0-9_.-]+`.
        name: As shown on the pages.
        roles: Site to the roles held there; a site that is absent is a refusal.
        rights: Rights beside the roles.
        rpps: The professional's RPPS (11 digits), empty when not a professional.
    """

    account_id: str
    name: str
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rights: frozenset[str] = frozenset()
    rpps: str = ""


@dataclass(frozen=True)
class PscSession:
    """What Pro Sante Connect vouched for at this login.

    Args:
        subject_name_id: `8` and the RPPS; identity of every signature and of the VIHF.
        acr: `eidas1`.
        authenticated_at: auth_time of the token, aware UTC.
        profession: codeProfession of the first exercise, empty when none was given.
        speciality: codeSavoirFaire of the first exercise.
    """

    subject_name_id: str
    acr: str
    authenticated_at: datetime | None = None
    profession: str = ""
    speciality: str = ""

    @property
    def rpps(self) -> str:
        """The RPPS inside SubjectNameID, or an empty string for another kind of national number."""
        return self.subject_name_id[1:] if self.subject_name_id.startswith("8") else ""


@dataclass(frozen=True)
class Session:
    """One open session.

    Args:
        session_id: SHA-256 (hex) of the cookie's value; the value itself is nowhere.
        roles: Site to roles, read again from the account at each request.
        provider: `group` or `psc`.
        csrf_token: To be repeated by every form of this session.
        expires_at: Absolute end; `last_seen_at` plus the idle setting is the other one.
        psc: Present when the door was Pro Sante Connect.
        id_token: Kept for the provider's logout (`id_token_hint`), never shown.
    """

    session_id: str
    account_id: str
    name: str
    roles: Mapping[str, frozenset[str]]
    rights: frozenset[str]
    provider: str
    csrf_token: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    rpps: str = ""
    psc: PscSession | None = None
    id_token: str = ""

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites where this person has a role, in alphabetical order."""
        return tuple(sorted(site for site, roles in self.roles.items() if roles))

    def end_reason(self, now: datetime, idle: timedelta) -> str:
        """Return why the session is over at that instant (`session_expired`, `session_idle`), or an empty string."""
        if now >= self.expires_at:
            return "session_expired"
        if now >= self.last_seen_at + idle:
            return "session_idle"
        return ""


@dataclass(frozen=True)
class SessionLimits:
    """How long a session lives.

    Args:
        group: Absolute life after a login at the group's provider.
        psc: Absolute life after a login at Pro Sante Connect: its own session ends after 4 h.
        idle: Without a request for this long, the session is locked and a new login is asked.
        login: How long a person may take between the two redirections of a login.
    """

    group: timedelta = timedelta(hours=10)
    psc: timedelta = timedelta(hours=4)
    idle: timedelta = timedelta(minutes=30)
    login: timedelta = timedelta(minutes=10)

    def __post_init__(self) -> None:
        if self.psc > timedelta(hours=4):
            raise ValueError("a Pro Sante Connect session lasts at most 4 h")

    def life(self, provider: str) -> timedelta:
        """Return the absolute life of a session opened through that door."""
        return self.psc if provider == "psc" else self.group


@dataclass(frozen=True)
class PendingLogin:
    """One login between its two redirections; consumed by the first callback that names its state, whatever follows.

    Args:
        state_id: SHA-256 (hex) of the `state` parameter.
        browser_id: SHA-256 (hex) of the login cookie: the callback must come from the browser that started.
        code_verifier: PKCE (RFC 7636).
        return_to: Local path to go to afterwards.
    """

    state_id: str
    provider: str
    browser_id: str
    nonce: str
    code_verifier: str
    redirect_uri: str
    return_to: str
    expires_at: datetime
