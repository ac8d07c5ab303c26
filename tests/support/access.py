"""Access services in memory, a clock moved by hand, and a provider that believes whoever comes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ris.adapters.access.memory import MemoryAuditTrail, MemorySessionStore
from ris.adapters.reference.memory import MemoryReferenceBook, MemoryReferenceTable
from ris.application.access.ports import AccessServices, Identified
from ris.application.reference import Login, ReferenceData
from ris.domain.access.session import Account, PscSession, Session, SessionLimits

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class Clock:
    """An aware UTC instant, moved by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **span: float) -> datetime:
        """Let time pass."""
        self.now += timedelta(**span)
        return self.now


def counted_tokens() -> Callable[[], str]:
    """Return a source of tokens of 43 characters, each new."""
    numbers = itertools.count(1)
    return lambda: f"{next(numbers):06d}-{'t' * 36}"


@dataclass
class TrustingProvider:
    """Implements `IdentityProvider`: whoever the test says comes in, or the error it says."""

    subject: str = "accueil.nord"
    psc: PscSession | None = None
    fails: Exception | None = None
    asked: list[dict[str, object]] = field(default_factory=list)

    def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, code_challenge: str) -> str:
        self.asked.append({"state": state, "nonce": nonce, "code_challenge": code_challenge, "redirect_uri": redirect_uri})
        return f"https://provider.example/authorize?state={state}"

    def identify(self, *, code: str, redirect_uri: str, code_verifier: str, nonce: str, issuer: str, now: datetime) -> Identified:
        self.asked.append({"code": code, "code_verifier": code_verifier, "nonce": nonce, "redirect_uri": redirect_uri})
        if self.fails:
            raise self.fails
        return Identified(self.subject, "the id token", self.psc)

    def logout_url(self, *, id_token: str, post_logout_redirect_uri: str) -> str:
        return f"https://provider.example/logout?id_token_hint={id_token}"


ACCOUNTS = ReferenceData(
    accounts=(
        Account("accueil.nord", "Nadia Perrin", {"nord": frozenset({"receptionist"})}),
        Account("radiologue", "Dr Lemarchand", {"nord": frozenset({"radiologist"})}, rpps="99900012347"),
        Account("parti", "Parti", {}),
    ),
    logins=(
        Login("group", "accueil.nord", "accueil.nord"),
        Login("psc", "99900012347", "radiologue"),
        Login("group", "parti", "parti"),
    ),
)


@dataclass
class House:
    """The access services of a test and what can be looked at behind them."""

    provider: TrustingProvider = field(default_factory=TrustingProvider)
    sessions: MemorySessionStore = field(default_factory=MemorySessionStore)
    audit: MemoryAuditTrail = field(default_factory=MemoryAuditTrail)
    table: MemoryReferenceTable = field(default_factory=lambda: MemoryReferenceTable(ACCOUNTS))
    new_token: Callable[[], str] = field(default_factory=counted_tokens)

    @property
    def services(self) -> AccessServices:
        doors = {"group": self.provider, "psc": self.provider}
        book = MemoryReferenceBook(self.table)
        return AccessServices(self.sessions, book, self.audit, self.new_token, doors, SessionLimits())


def a_session(**roles: str) -> Session:
    """Return a session with these roles, by site, words separated by blanks."""
    return Session(
        session_id="0" * 64,
        account_id="somebody",
        name="Somebody",
        roles={site: frozenset(names.split()) for site, names in roles.items()},
        rights=frozenset(),
        provider="group",
        csrf_token="csrf",
        created_at=NOW,
        last_seen_at=NOW,
        expires_at=NOW + timedelta(hours=10),
    )
