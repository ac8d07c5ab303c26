"""Gateways' words about themselves: memory twin and the `messages` table.

| item | pk | sk |
|---|---|---|
| gateway | `GATEWAY#{site}` | `{gateway_id}` |

One item a gateway, written only over an older `sent_at`: of two statuses the newest stands, in whatever order they come.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from ris.adapters.dynamodb import Item, Table, instant_of, instant_text, key_part, write
from ris.application.agenda.gateways import Certificate, Gateway, Station
from ris.application.conflicts import Conflict

_NUMBERS = ("clock_skew_s", "spool_oldest_s", "feed_age_s")
_PLAIN = ("site", "gateway_id", "version", "spool_rows", "feed_steps", "wants_feed", "resync_day")
_HEARD = ("last_echo_at", "last_find_at", "last_mpps_at")


class MemoryGatewayBook:
    """The gateways in a dict, with the table's rules."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, str], Gateway] = {}

    def get(self, site: str, gateway_id: str) -> Gateway | None:
        """See the port."""
        return self._kept.get((site, gateway_id))

    def keep(self, gateway: Gateway) -> bool:
        """See the port."""
        key = (gateway.site, gateway.gateway_id)
        with self._lock:
            if key in self._kept and self._kept[key].sent_at >= gateway.sent_at:
                return False
            self._kept[key] = gateway
            return True

    def resync_until(self, gateway: Gateway, day: str) -> None:
        """See the port."""
        key = (gateway.site, gateway.gateway_id)
        with self._lock:
            if self._kept[key].sent_at == gateway.sent_at:
                self._kept[key] = replace(gateway, resync_day=day)

    def of_site(self, site: str) -> list[Gateway]:
        """See the port."""
        return [self._kept[key] for key in sorted(self._kept) if key[0] == site]


class DynamoGatewayBook:
    """Implements `GatewayBook`.

    Args:
        table: The `messages` table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, site: str, gateway_id: str) -> Gateway | None:
        """See the port."""
        item = self._table.get(_partition(site), gateway_id)
        return _gateway(item) if item else None

    def keep(self, gateway: Gateway) -> bool:
        """See the port."""
        return self._put(gateway, "attribute_not_exists(pk) OR sent_at < :sent")

    def resync_until(self, gateway: Gateway, day: str) -> None:
        """See the port."""
        self._put(replace(gateway, resync_day=day), "sent_at = :sent")

    def of_site(self, site: str) -> list[Gateway]:
        """See the port."""
        return [_gateway(item) for item in self._table.query(_partition(site))]

    def _put(self, gateway: Gateway, condition: str) -> bool:
        put = self._table.putting(_item(gateway), condition=condition, values={":sent": instant_text(gateway.sent_at)})
        try:
            write(self._table.client, [put])
        except Conflict:
            return False
        return True


def _partition(site: str) -> str:
    return f"GATEWAY#{key_part(site)}"


def _item(gateway: Gateway) -> Item:
    return {
        "pk": _partition(gateway.site),
        "sk": gateway.gateway_id,
        **{name: getattr(gateway, name) for name in _PLAIN},
        # As text: the table's numbers are whole.
        **{name: "" if getattr(gateway, name) is None else repr(getattr(gateway, name)) for name in _NUMBERS},
        "every_s": repr(gateway.every_s),
        "spool_refuses": gateway.spool_refuses,
        "sent_at": instant_text(gateway.sent_at),
        "started_at": instant_text(gateway.started_at),
        "certificates": [{"name": one.name, "not_after": instant_text(one.not_after)} for one in gateway.certificates],
        "stations": [
            {"ae_title": one.ae_title, **{name: instant_text(getattr(one, name)) for name in _HEARD}} for one in gateway.stations
        ],
    }


def _gateway(item: Item) -> Gateway:
    plain: dict[str, Any] = {name: item[name] for name in _PLAIN}
    numbers: dict[str, Any] = {name: float(item[name]) if item[name] else None for name in _NUMBERS}
    sent_at, started_at = instant_of(item["sent_at"]), instant_of(item["started_at"])
    if sent_at is None or started_at is None:
        raise ValueError("a status without its instants")
    return Gateway(
        **plain,
        **numbers,
        every_s=float(item.get("every_s", Gateway.every_s)),
        spool_refuses=item.get("spool_refuses", False),
        sent_at=sent_at,
        started_at=started_at,
        certificates=tuple(
            Certificate(one["name"], ends) for one in item["certificates"] if (ends := instant_of(one["not_after"])) is not None
        ),
        stations=tuple(Station(one["ae_title"], *(instant_of(one[name]) for name in _HEARD)) for one in item["stations"]),
    )
