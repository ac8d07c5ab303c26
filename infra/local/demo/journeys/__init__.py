"""The journeys that exist, by the name of their input folder, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable

from infra.local.demo.journeys import announcement, bad_day, cut_off, delegated, order_to_modality, second_thoughts
from infra.local.demo.scene import Scene

JOURNEYS: dict[str, Callable[[Scene], None]] = {
    "order_to_modality": order_to_modality.run,
    "announcement": announcement.run,
    "bad_day": bad_day.run,
    "cut_off": cut_off.run,
    "delegated": delegated.run,
    "second_thoughts": second_thoughts.run,
}
