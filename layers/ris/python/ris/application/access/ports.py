"""What the access use cases need from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ris.domain.access.audit import AuditBy, AuditRecord
from ris.domain.access.kept import KeptForm
from ris.domain.access.session import Account, PendingLogin, PscSession, Session, SessionLimits


class SessionStore(Protocol):
    """Sessions, pending logins and kept forms in the `sessions` table; the table's own expiry only tidies up."""

    def create(self, session: Session) -> None:
        """Write a new session, and whose the forms are that repeat its token; raise Conflict when another has its id."""

    def get(self, session_id: str) -> Session | None:
        """Return the session, read consistently, or None; an expired one may still be returned."""

    def touch(self, session_id: str, seen_at: datetime) -> None:
        """Move `last_seen_at` forward, never back; nothing happens when the session is gone."""

    def delete(self, session_id: str) -> Session | None:
        """Remove the session and return what it was, or None when somebody did already."""

    def begin(self, login: PendingLogin) -> None:
        """Write a pending login; raise Conflict when another has its state."""

    def consume(self, state_id: str) -> PendingLogin | None:
        """Remove the pending login and return it: to exactly one caller, None to any other."""

    def writer_of(self, token_id: str) -> str:
        """Return the account whose session gave out the token of a form, or an empty text; it outlives the session by a day.

        Args:
            token_id: SHA-256 (hex) of the token; the value itself stands with the session only.
        """

    def keep_form(self, form: KeptForm) -> None:
        """Write a form over the one that was kept for the same account and page.

        Raises:
            InvalidInput: `not_storable`: it is larger than a row may be, even deflated.
        """

    def kept_form(self, account_id: str, place: str) -> KeptForm | None:
        """Return the form kept for that account and page, read consistently, or None; an expired one may still be returned."""

    def drop_form(self, account_id: str, place: str) -> None:
        """Remove it, if it is there."""


class AccountBook(Protocol):
    """Accounts of the reference data; changes show within a minute."""

    def get(self, account_id: str) -> Account | None:
        """Return the account, or None."""

    def by_login(self, provider: str, subject: str) -> Account | None:
        """Return the account this subject of this provider opens, or None."""


class AuditTrail(Protocol):
    """The `audit` table: append only."""

    def append(self, record: AuditRecord) -> None:
        """Write one record; raise Conflict when another has its key."""

    def of_day(self, site: str, day: str, *, limit: int, after: str = "") -> list[AuditRecord]:
        """Return records of a site and UTC day in time order, from the one after the cursor `{instant}#{audit_id}`."""

    def newest(
        self, site: str, by: AuditBy, value: str, *, limit: int, since: str = "", until: str = "", after: str = ""
    ) -> list[AuditRecord]:
        """Return records of a site on one list, the newest first; each costs what it returns.

        Args:
            site: Of the records.
            by: Which list.
            value: The UTC day, patient, account or action.
            limit: At most so many.
            since: The earliest instant, as in keys; `until` the latest, not included.
            after: Key `{instant}#{audit_id}` behind which the list goes on.
        """


@dataclass(frozen=True)
class Identified:
    """Who the provider says came in.

    Args:
        subject: What accounts are linked by: `sub` at the group's provider, the RPPS at Pro Sante Connect.
        id_token: As received, for the logout.
    """

    subject: str
    id_token: str
    psc: PscSession | None = None


class IdentityProvider(Protocol):
    """One OpenID Connect provider (authorization code flow with PKCE S256)."""

    def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, code_challenge: str) -> str:
        """Return the address the browser is sent to.

        Raises:
            RemoteUnavailable: The provider cannot be reached.
            RemoteRejected: What it says of itself is not what the settings say: a person corrects one of them.
        """

    def identify(self, *, code: str, redirect_uri: str, code_verifier: str, nonce: str, issuer: str, now: datetime) -> Identified:
        """Exchange the code, verify everything, say who it is.

        Args:
            issuer: The `iss` parameter of the callback (RFC 9207), empty when there was none.

        Raises:
            NotAllowed: What came back does not prove an identity; the code says what failed.
            RemoteRejected: The provider refused the code.
            RemoteUnavailable: The provider cannot be reached.
        """

    def logout_url(self, *, id_token: str, post_logout_redirect_uri: str) -> str:
        """Return the provider's end-of-session address, or an empty string when it has none or cannot be reached."""


@dataclass(frozen=True)
class AccessServices:
    """The ports of this context.

    Args:
        providers: `group` and `psc`, those that are configured.
        new_token: Returns 256 random bits in base64url (43 characters), new at each call.
    """

    sessions: SessionStore
    accounts: AccountBook
    audit: AuditTrail
    new_token: Callable[[], str]
    providers: Mapping[str, IdentityProvider] = field(default_factory=dict)
    limits: SessionLimits = field(default_factory=SessionLimits)
