"""The journeys that exist, by the name of their input folder."""

from __future__ import annotations

from collections.abc import Callable

from infra.local.demo.journeys import order_to_modality
from infra.local.demo.scene import Scene

JOURNEYS: dict[str, Callable[[Scene], None]] = {"order_to_modality": order_to_modality.run}
