"""The calling stations: which are known, what each reads, when each last spoke and of what."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from gateways.edge.config import ModalitySettings
from gateways.edge.dicom.items import Item
from gateways.edge.dicom.values import trim

_MANY = 200
Service = Literal["echo", "find", "mpps", "other"]


@dataclass(slots=True)
class Seen:
    """When a station last spoke, aware UTC instants: at all, and by service."""

    last_at: datetime
    last_echo_at: datetime | None = None
    last_find_at: datetime | None = None
    last_mpps_at: datetime | None = None


class Stations:
    """The site's modalities by AE title, compared without their padding.

    Args:
        expire_after_h: Hours after its start that a step nobody performed leaves the list, where its station does not say otherwise.
        zone: Time zone of the steps' dates and times.
    """

    def __init__(
        self,
        modalities: Iterable[ModalitySettings],
        clock: Callable[[], datetime],
        *,
        expire_after_h: float | None = None,
        zone: str = "Europe/Paris",
    ) -> None:
        self._known = {trim(modality.ae_title): modality for modality in modalities}
        self._unknown = ModalitySettings(ae_title="")
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, Seen] = OrderedDict()
        self._expire_after_h, self._zone = expire_after_h, ZoneInfo(zone)
        self._hours = {title: one.expire_after_h for title, one in self._known.items() if one.expire_after_h is not None}

    def known(self, ae_title: str) -> ModalitySettings | None:
        """Return a known station's settings."""
        return self._known.get(trim(ae_title))

    def get(self, ae_title: str) -> ModalitySettings:
        """Return a station's settings by its title without padding; an unknown one reads what old stations read."""
        return self._known.get(ae_title, self._unknown)

    def seen(self, ae_title: str, service: Service = "other") -> None:
        """Note that a station spoke to us; of those that spoke, only the last are kept."""
        name, now = trim(ae_title)[:16], self._clock()
        with self._lock:
            seen = self._seen.setdefault(name, Seen(now))
            seen.last_at = now
            if service != "other":
                setattr(seen, f"last_{service}_at", now)
            self._seen.move_to_end(name)
            while len(self._seen) > _MANY:
                self._seen.popitem(last=False)

    def status(self) -> dict[str, Seen]:
        """Return when each station last spoke, by title."""
        with self._lock:
            return {name: replace(seen) for name, seen in self._seen.items()}

    def last_seen(self) -> dict[str, datetime]:
        """Return when each station was last heard."""
        return {name: seen.last_at for name, seen in self.status().items()}

    def overdue(self, now: datetime) -> Callable[[Item], bool] | None:
        """Return the test of steps that nobody performed in time; None where nothing expires."""
        if self._expire_after_h is None and not self._hours:
            return None
        latest = {name: self._moment(now, hours) for name, hours in self._hours.items()}
        others = self._moment(now, self._expire_after_h) if self._expire_after_h is not None else ""

        def test(item: Item) -> bool:
            return item.state == "scheduled" and all(item.starts < latest.get(one, others) for one in item.stations)

        return test

    def _moment(self, now: datetime, hours: float) -> str:
        return (now - timedelta(hours=hours)).astimezone(self._zone).strftime("%Y%m%d%H%M%S%f")
