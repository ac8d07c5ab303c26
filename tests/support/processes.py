"""Processes as the kernel shows them: who started whom, and who still runs."""

from __future__ import annotations

from pathlib import Path


def _stat(pid: int) -> list[str]:
    """Return what follows the name in /proc/PID/stat (state, parent …), empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def runs(pid: int) -> bool:
    """Tell whether a process runs; one that is dead and not yet reaped does not."""
    stat = _stat(pid)
    return bool(stat) and stat[0] not in {"Z", "X"}


def parent(pid: int) -> int:
    """Return the process that started a running one, or that took it over."""
    return int(_stat(pid)[1])


def descendants(pid: int) -> set[int]:
    """Return all processes that a process started, and theirs."""
    parents = {int(entry.name): _stat(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    found: set[int] = set()
    layer = {pid}
    while layer:
        layer = {child for child, stat in parents.items() if stat and int(stat[1]) in layer} - found
        found |= layer
    return found
