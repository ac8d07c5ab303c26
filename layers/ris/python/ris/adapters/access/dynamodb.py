"""Sessions, pending logins and audit records in DynamoDB.

| table | item | pk | sk |
|---|---|---|---|
| sessions | session | `SESSION#{sha256 of the cookie's value}` | `SESSION` |
| sessions | whose the forms of a session are | `WRITER#{sha256 of its token}` | `WRITER` |
| sessions | form kept for its writer | `KEPT#{account id}` | local path of its page |
| sessions | login under way | `LOGIN#{sha256 of the state}` | `LOGIN` |
| audit | record | `AUDIT#{site}#{UTC day}` | `{instant}#{audit_id}` |
| audit | pointer to it | `PATIENT#{site}#{patient_id}`, `ACCOUNT#{site}#{account_id}`, `ACTION#{site}#{action}` | the same |

The `sessions` table removes what is past `expires_at` by itself, hours late perhaps: use cases compare instants, it only tidies.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ris.adapters.dynamodb import Item, Table, by_who_must_act, instant_of, instant_text, key_part, marshal, unmarshal
from ris.application.access.begin_login import fingerprint
from ris.application.conflicts import Conflict
from ris.domain.access.audit import AuditBy, AuditRecord
from ris.domain.access.kept import WRITER_KNOWN_FOR, KeptForm
from ris.domain.access.session import PendingLogin, PscSession, Session

_SESSION_TEXTS = ("account_id", "name", "provider", "csrf_token", "rpps", "id_token")
_LOGIN_TEXTS = ("provider", "browser_id", "nonce", "code_verifier", "redirect_uri", "return_to")
_RECORD_TEXTS = frozenset(AuditRecord.__dataclass_fields__) - {"instant"}


class DynamoSessionStore:
    """Implements `SessionStore` on the `sessions` table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def create(self, session: Session) -> None:
        """Write a new session; raise Conflict when another has its id."""
        key = {"pk": f"SESSION#{session.session_id}", "sk": "SESSION"}
        ends = math.ceil((session.expires_at + WRITER_KNOWN_FOR).timestamp())
        writer = {"pk": f"WRITER#{fingerprint(session.csrf_token)}", "sk": "WRITER", "account_id": session.account_id}
        _put_once(self._table, key | _session_values(session))
        _put_once(self._table, {**writer, "expires_at": ends})

    def get(self, session_id: str) -> Session | None:
        """Return the session, read consistently, or None; an expired one may still be returned."""
        item = self._table.get(f"SESSION#{session_id}", "SESSION")
        return _session(session_id, item) if item else None

    def touch(self, session_id: str, seen_at: datetime) -> None:
        """Move `last_seen_at` forward, never back; nothing happens when the session is gone."""
        try:
            with by_who_must_act():
                self._table.client.update_item(
                    TableName=self._table.name,
                    Key={"pk": {"S": f"SESSION#{session_id}"}, "sk": {"S": "SESSION"}},
                    UpdateExpression="SET last_seen_at = :seen",
                    ConditionExpression="attribute_exists(pk) AND last_seen_at < :seen",
                    ExpressionAttributeValues={":seen": marshal(instant_text(seen_at))},
                )
        except Conflict:
            return

    def delete(self, session_id: str) -> Session | None:
        """Remove the session and return what it was, or None when somebody did already."""
        item = self._take(f"SESSION#{session_id}", "SESSION")
        return _session(session_id, item) if item else None

    def begin(self, login: PendingLogin) -> None:
        """Write a pending login; raise Conflict when another has its state."""
        values = {
            "pk": f"LOGIN#{login.state_id}",
            "sk": "LOGIN",
            **{name: getattr(login, name) for name in _LOGIN_TEXTS},
            "ends_at": instant_text(login.expires_at),
            "expires_at": math.ceil(login.expires_at.timestamp()),
        }
        _put_once(self._table, values)

    def consume(self, state_id: str) -> PendingLogin | None:
        """Remove the pending login and return it: to exactly one caller, None to any other."""
        item = self._take(f"LOGIN#{state_id}", "LOGIN")
        if not item:
            return None
        texts = {name: item[name] for name in _LOGIN_TEXTS}
        return PendingLogin(state_id=state_id, expires_at=_instant(item["ends_at"]), **texts)

    def writer_of(self, token_id: str) -> str:
        """Return the account whose session gave out the token, or an empty text."""
        item = self._table.get(f"WRITER#{token_id}", "WRITER")
        return str(item["account_id"]) if item else ""

    def keep_form(self, form: KeptForm) -> None:
        """Write a form over the one kept before; its fields are deflated."""
        item = {
            "pk": f"KEPT#{form.account_id}",
            "sk": form.place,
            "fields": zlib.compress(json.dumps(dict(form.fields)).encode("ascii"), 6),
            "kept_at": instant_text(form.kept_at),
            "expires_at": math.ceil(form.expires_at.timestamp()),
        }
        with by_who_must_act():
            self._table.client.put_item(**self._table.putting(item)["Put"])

    def kept_form(self, account_id: str, place: str) -> KeptForm | None:
        """Return the form kept for that account and page, read consistently, or None."""
        item = self._table.get(f"KEPT#{account_id}", place)
        return KeptForm(account_id, place, json.loads(zlib.decompress(item["fields"])), _instant(item["kept_at"])) if item else None

    def drop_form(self, account_id: str, place: str) -> None:
        """Remove it, if it is there."""
        self._take(f"KEPT#{account_id}", place)

    def _take(self, pk: str, sk: str) -> Item | None:
        """Delete an item and return what it was: DynamoDB gives the old item to one caller only."""
        with by_who_must_act():
            answer = self._table.client.delete_item(
                TableName=self._table.name, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ReturnValues="ALL_OLD"
            )
        attributes = answer.get("Attributes")
        return {name: unmarshal(value) for name, value in attributes.items()} if attributes else None


class DynamoAuditTrail:
    """Implements `AuditTrail` on the `audit` table: items are put under a condition and never written again."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def append(self, record: AuditRecord) -> None:
        """Write one record with its pointers, all or none; raise Conflict when another has its key."""
        instant = instant_text(record.instant)
        values = {name: value for name, value in asdict(record).items() if name in _RECORD_TEXTS and value != ""}
        sk = f"{instant}#{record.audit_id}"
        item = {"pk": _partition(record.site, AuditBy.DAY, record.day), "sk": sk} | values | {"instant": instant}
        pointers = [{"pk": _partition(record.site, by, value), "sk": sk} for by, value in record.listed().items()]
        _put_once(self._table, item, pointers)

    def of_day(self, site: str, day: str, *, limit: int, after: str = "") -> list[AuditRecord]:
        """Return records of a site and UTC day in time order, from the one after the cursor."""
        return [_record(item) for item in self._table.query(_partition(site, AuditBy.DAY, day), limit=limit, after=after)]

    def newest(
        self, site: str, by: AuditBy, value: str, *, limit: int, since: str = "", until: str = "", after: str = ""
    ) -> list[AuditRecord]:
        """Return records of a site on one list, the newest first."""
        between = (since or "0", until or "9")
        pk = _partition(site, by, value)
        items = self._table.query(pk, limit=limit, newest_first=True, after=after, between=between)
        if by is not AuditBy.DAY:
            keys = [(_partition(site, AuditBy.DAY, item["sk"][:10]), item["sk"]) for item in items]
            found = self._table.get_many(keys)
            items = [found[key] for key in keys if key in found]
        return [_record(item) for item in items]


def _partition(site: str, by: AuditBy, value: str) -> str:
    """Return where records of a day lie, or the pointers to those on another list."""
    return f"{'AUDIT' if by is AuditBy.DAY else by.name}#{site}#{key_part(value)}"


def _put_once(table: Table, item: Item, beside: Sequence[Item] = ()) -> None:
    """Write a new item and those beside it; the very same one is already there when the client repeated a write whose answer was lost.

    Raises:
        Conflict: Another item has its key.
    """
    from botocore.exceptions import ClientError

    put = table.putting(item, condition="attribute_not_exists(pk)")["Put"] | {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    with by_who_must_act():
        try:
            if beside:
                table.client.transact_write_items(TransactItems=[{"Put": put}, *(table.putting(each) for each in beside)])
            else:
                table.client.put_item(**put)
        except ClientError as error:
            if _already_there(error.response) != put["Item"]:
                raise


def _already_there(response: Mapping[str, Any]) -> Any:
    """Return the item that kept a write from being made, of one write or of the first of a transaction."""
    reasons = response.get("CancellationReasons") or [{}]
    return response.get("Item") or reasons[0].get("Item")


def _record(item: Item) -> AuditRecord:
    texts = {name: value for name, value in item.items() if name in _RECORD_TEXTS}
    return AuditRecord(instant=_instant(item["instant"]), **texts)


def _instant(text: str) -> datetime:
    return instant_of(text) or datetime.min.replace(tzinfo=UTC)


def _session_values(session: Session) -> Item:
    return {
        **{name: getattr(session, name) for name in _SESSION_TEXTS},
        "roles": {site: sorted(roles) for site, roles in session.roles.items()},
        "rights": sorted(session.rights),
        "created_at": instant_text(session.created_at),
        "last_seen_at": instant_text(session.last_seen_at),
        "ends_at": instant_text(session.expires_at),
        "expires_at": math.ceil(session.expires_at.timestamp()),
        **({"psc": _psc_values(session.psc)} if session.psc else {}),
    }


def _session(session_id: str, item: Item) -> Session:
    return Session(
        session_id=session_id,
        **{name: item[name] for name in _SESSION_TEXTS},
        roles={site: frozenset(roles) for site, roles in item["roles"].items()},
        rights=frozenset(item["rights"]),
        created_at=_instant(item["created_at"]),
        last_seen_at=_instant(item["last_seen_at"]),
        expires_at=_instant(item["ends_at"]),
        psc=_psc(item["psc"]) if "psc" in item else None,
    )


def _psc_values(psc: PscSession) -> Item:
    return asdict(psc) | {"authenticated_at": instant_text(psc.authenticated_at)}


def _psc(values: Mapping[str, Any]) -> PscSession:
    texts = {name: values[name] for name in ("subject_name_id", "acr", "profession", "speciality")}
    return PscSession(authenticated_at=instant_of(values["authenticated_at"]), **texts)
