"""`python -m infra.local.demo run` takes the journeys once and ends; `up` keeps the system running until Ctrl-C.

Environment: OUT (evidence, `build/demo`), INPUT (folder of journeys), `{PSC,OIDC}_{URL,CA,CLIENT_ID,CLIENT_SECRET}` (somebody
else's provider), `{INSI,DMP,MSS}_{URL,CA}` (somebody else's service, who has to trust `pki/ca.pem` of the evidence;
`MSS_CLIENT_ID`, `MSS_CLIENT_SECRET` are our mailbox there and its password), `DIRECTORY_{URL,CA}` (the
extract of mailboxes to fetch, a text or a zip), PORTAL_PORT (a fixed
port for the portal, whose callbacks such a provider has to know beforehand; else a free one).
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.table import Table

from infra.local.children import exit_when_orphaned
from infra.local.demo import group
from infra.local.demo.evidence import EvidenceFolder
from infra.local.demo.journey import Journal, StepFailed
from infra.local.demo.journeys import JOURNEYS, figures, visit
from infra.local.demo.national import Input
from infra.local.demo.progress import LiveProgress
from infra.local.demo.remotes import from_environment
from infra.local.demo.scene import Scene, read_booking
from infra.local.demo.supervisor import System

INPUT = Path(__file__).with_name("input")
FIRST_SITE = "nord"
GIVEN = ("insi.csv", "dmp.csv", "mailboxes.csv", "directory.csv")
"""Files of a journey that our national services know, in the order of `Input`."""
_DOORS = {"group": "group account", "psc": "Pro Santé Connect"}


def main() -> None:
    """Run the subcommand asked for."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.demo", description=__doc__)
    parser.add_argument("command", choices=["run", "up"])
    command = parser.parse_args().command
    exit_when_orphaned()
    for stop in (signal.SIGTERM, signal.SIGINT):  # a script's shell starts what runs beside it with SIGINT ignored
        signal.signal(stop, _interrupted)
    out = EvidenceFolder(Path(os.environ.get("OUT") or "build/demo"))
    journeys = _journeys(Path(os.environ.get("INPUT") or INPUT))
    sites = sorted(
        {read_booking(folder / "booking.json").site for folder in journeys.values()} | ({FIRST_SITE} if command == "up" else set())
    )
    try:
        with LiveProgress() as progress, System(out, from_environment(os.environ), sites, _given(journeys)) as system:
            journal = Journal(out.folder / "journey.json", progress, system.ended)
            ok = (_run if command == "run" else _up)(system, journal, journeys, progress)
    except KeyboardInterrupt:
        ok = command == "up"
        print("\nstopped", flush=True)
    out.tidy(keep_logs=not ok)
    sys.exit(0 if ok else 1)


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _journeys(folder: Path) -> dict[str, Path]:
    """Return the journeys whose input is there; a journey's own folder may be named too."""
    if (folder / "booking.json").exists():
        return {folder.name if _journey(folder.name) in JOURNEYS else "order_to_modality": folder}
    there = [entry for entry in sorted(folder.glob("*")) if entry.is_dir() and _journey(entry.name) in JOURNEYS]
    order = list(JOURNEYS)
    found = {entry.name: entry for entry in sorted(there, key=lambda entry: order.index(_journey(entry.name)))}
    if not found:
        sys.exit(f"INPUT={folder} holds none of the folders {', '.join(JOURNEYS)}; its shape: infra/local/demo/input/README.md")
    return found


def _journey(name: str) -> str:
    """Return the journey that a folder is input of: `order_to_modality-corsica` is another patient of `order_to_modality`."""
    return name.partition("-")[0]


def _given(journeys: dict[str, Path]) -> Input:
    """Return what the journeys' folders let our national services know."""
    found = {name: tuple(file for folder in journeys.values() if (file := folder / name).exists()) for name in GIVEN}
    return Input(*(found[name] for name in GIVEN))


def _run(system: System, journal: Journal, journeys: dict[str, Path], progress: LiveProgress) -> bool:
    started, since = time.monotonic(), figures.began()
    ok = _attempt(progress, lambda: system.start(journal))
    if ok:
        for name, folder in journeys.items():
            ok &= _attempt(progress, lambda n=name, f=folder: JOURNEYS[_journey(n)](Scene(n, f, system, journal)))
        ok &= _attempt(progress, lambda: figures.counted(system, journal, since))
        ok &= _attempt(progress, lambda: _write_histories(system, journal))
        ok &= _attempt(progress, lambda: _every_call_granted(system, journal))
    _summary(system, journal, progress.console, seconds=time.monotonic() - started, ok=ok)
    return ok


def _attempt(progress: LiveProgress, act: Callable[[], object]) -> bool:
    """Do a part of the run; what failed is already in the journal, its trace goes to the log of the run."""
    try:
        act()
    except StepFailed:
        return False
    except Exception:
        progress.console.print_exception(max_frames=4)
        return False
    return True


def _write_histories(system: System, journal: Journal) -> None:
    with journal.step("end", "histories of the executions", "Step Functions") as step:
        files = system.cloud.histories(system.out.folder / "history")
        step.require(files, "no execution")
        step.left("history", [file.name for file in files])


def _every_call_granted(system: System, journal: Journal) -> None:
    """IAM is not enforced on the laptop: what a role lacks is found here, before AWS refuses it."""
    with journal.step("end", "every AWS call of functions and gateways is granted by their roles", "IAM") as step:
        refused = system.cloud.refused()
        step.said = [
            {"caller": caller, "action": right.action, "resource": right.resource}
            for caller, rights in refused.items()
            for right in sorted(rights)
        ]
        named = ", ".join(f"{one['caller']} {one['action']}" for one in step.said)
        step.require(not refused, f"not granted: {named}")


def _summary(system: System, journal: Journal, console: Console, *, seconds: float, ok: bool) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    for folder, count in system.out.files().items():
        table.add_row(f"  {_shown(system.out.folder / folder)}/", f"{count} files")
    table.add_row(f"  {_shown(system.out.folder / 'journey.json')}", f"{len(journal.steps)} steps")
    console.print("\nevidence", style="bold")
    console.print(table)
    red = [step for step in journal.steps if not step.ok]
    if ok:
        console.print(f"\n[green]all {len(journal.steps)} steps happened[/] in {seconds:.1f} s")
    else:
        console.print(f"\n[bold red]{len(red)} of {len(journal.steps)} steps did not happen[/]; logs: {_shown(system.work)}/")


def _shown(path: Path) -> str:
    """Return a path as a person at the prompt would write it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _up(system: System, journal: Journal, journeys: dict[str, Path], progress: LiveProgress) -> bool:
    if not _attempt(progress, lambda: system.start(journal)):
        return False
    for name, folder in journeys.items():
        _attempt(progress, lambda n=name, f=folder: visit.announce(Scene(n, f, system, journal)))
    _print_doors(system, progress.console)
    while not (dead := system.children.dead()):
        time.sleep(0.5)
    progress.console.print(f"[bold red]{', '.join(child.name for child in dead)} ended[/]; logs: {_shown(system.work)}/")
    return False


def _print_doors(system: System, console: Console) -> None:
    """Print what a person needs who wants to look around; nothing is cut to the window's width."""
    lines = [f"\n[bold]portal[/]   {system.cloud.portal_url}"]
    for doors in system.gateways.values():
        stations = " ".join(row["ae_title"] for row in group.machines(doors.site))
        lines += [
            f"[bold]{doors.site}[/]     MLLP   127.0.0.1:{doors.mllp_port}",
            f"         DICOM  {doors.ae_title} at 127.0.0.1:{doors.dicom_port}, for the stations {stations}",
            f"         health http://127.0.0.1:{doors.health_port}/",
            f'         cable  {system.control[f"cable-{doors.site}"]} takes {{"cut": "silent"}}, {{"cut": "refused"}}, {{"mend": true}}',
        ]
    for name, address in sorted(system.addresses.items()):
        faults = f"; told to fail at {system.control[name]}" if name in system.control else ""
        lines.append(f"[bold]{name.upper():<8}[/] {address}{faults}")
    lines.append("\n[bold]accounts[/] (choose the name on the provider's page)")
    for account in group.table("accounts"):
        sites_by_role: dict[str, list[str]] = {}
        for site, names in account["roles"].items():
            sites_by_role.setdefault("/".join(names), []).append(site)
        roles = ", ".join(f"{role} at {' '.join(sites)}" for role, sites in sites_by_role.items())
        doors_of = ", ".join(f"{_DOORS[login['provider']]} {login['subject']}" for login in account["logins"])
        lines.append(f"  {account['name']:<22} {roles:<30} {doors_of}")
    lines.append(f"\nlogs     {_shown(system.work)}/\nCtrl-C stops everything")
    console.print("\n".join(lines), soft_wrap=True)


if __name__ == "__main__":
    main()
