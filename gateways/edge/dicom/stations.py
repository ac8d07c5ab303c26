"""The calling stations: which are let in, what each reads, when each was last heard."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime

from gateways.edge.config import ModalitySettings
from gateways.edge.dicom.values import trim

_MANY = 200


class Stations:
    """The site's modalities by AE title, compared without their padding."""

    def __init__(self, modalities: Iterable[ModalitySettings], clock: Callable[[], datetime]) -> None:
        self._known = {trim(modality.ae_title): modality for modality in modalities}
        self._clock = clock
        self._lock = threading.Lock()
        self._last_seen: OrderedDict[str, datetime] = OrderedDict()

    @property
    def titles(self) -> list[str]:
        """The AE titles known."""
        return list(self._known)

    def get(self, ae_title: str) -> ModalitySettings:
        """Return a station's settings; an unknown one reads what old stations read."""
        title = trim(ae_title)
        return self._known.get(title) or ModalitySettings(ae_title=title)

    def seen(self, ae_title: str) -> None:
        """Note that a station spoke to us; of unknown ones only the last are kept."""
        with self._lock:
            title = trim(ae_title)[:16]
            self._last_seen[title] = self._clock()
            self._last_seen.move_to_end(title)
            while len(self._last_seen) > _MANY:
                self._last_seen.popitem(last=False)

    def last_seen(self) -> dict[str, datetime]:
        """Return when each station was last heard."""
        with self._lock:
            return dict(self._last_seen)
