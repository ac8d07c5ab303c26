"""The frozen content as JSON: sorted, in UTF-8 without a mark, the same content always the same bytes.

Read back for years: fields may be added with a default, and none is ever renamed or removed.
"""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, date, datetime
from typing import Any

from ris.domain.identity.ins import Ins, QualifiedIdentity, StrictTraits, qualified
from ris.domain.identity.patient import Identifier, IdentityStatus, Traits
from ris.domain.report.frozen import Act, FrozenReport, Professional, Section, Structure, Visibility

FORMAT = 1


class FrozenJson:
    """Implements `FrozenCodec`."""

    def dump(self, report: FrozenReport) -> bytes:
        """See the port."""
        values = {field.name: getattr(report, field.name) for field in fields(report)}
        values["identity"] = _identity_values(report.identity)
        text = json.dumps({"format": FORMAT, **_plain(values)}, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode("utf-8")

    def load(self, content: bytes) -> FrozenReport:
        """See the port; what a newer release wrote beside the known fields is left aside."""
        values = json.loads(content)
        known = {field.name: values[field.name] for field in fields(FrozenReport) if field.name in values}
        return FrozenReport(
            **{
                **known,
                **{
                    name: _instant(known.get(name)) for name in ("validated_at", "logged_in_at", "performed_start", "performed_end")
                },
                "sections": tuple(Section(**one) for one in known["sections"]),
                "ipp": Identifier(**known["ipp"]),
                "traits": Traits(**{**known["traits"], "birth_date": _day(known["traits"]["birth_date"])}),
                "identity": _identity_of(known["identity"]),
                "author": Professional(**known["author"]),
                "structure": Structure(**{**known["structure"], "address": tuple(known["structure"]["address"])}),
                "requester": Professional(**known["requester"]) if known["requester"] else None,
                "recipients": tuple(Professional(**one) for one in known["recipients"]),
                "acts": tuple(Act(**one) for one in known["acts"]),
                "visibility": Visibility(**known["visibility"]),
            }
        )


def _plain(value: Any) -> Any:
    """Return a value of the domain as JSON has it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value


def _identity_values(identity: QualifiedIdentity | None) -> Any:
    return {"ins": identity.ins, "traits": identity.traits} if identity is not None else None


def _identity_of(values: Any) -> QualifiedIdentity | None:
    """Return the identity that was qualified when the content was frozen."""
    if not values:
        return None
    traits = StrictTraits(**{**values["traits"], "birth_date": date.fromisoformat(values["traits"]["birth_date"])})
    return qualified(Ins(**values["ins"]), traits, IdentityStatus.QUALIFIEE)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
