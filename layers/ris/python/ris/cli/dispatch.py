"""`ris dispatch`: what did not reach its recipient, sent again by hand."""

from __future__ import annotations

import getpass
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ris.cli.output import AsJson, say, show_json, show_table
from ris.cli.settings import need
from ris.domain.errors import InvalidInput, RisError

if TYPE_CHECKING:
    from ris.application.dispatch.retry import Retry

HELP = """
Les comptes rendus et messages qui ne sont pas arrivés.

[cyan]retry[/cyan] fait repartir ce qui attend ou a été refusé, une fois la cause corrigée. Ce qui pourrait arriver deux fois ne repart pas : la
ligne dit pourquoi. [cyan]--dry-run[/cyan] dit ce qui se passerait, sans rien écrire.
"""
app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich")
_TABLES = ("TABLE_EXAMS", "TABLE_REFERENCE", "TABLE_MESSAGES", "TABLE_AUDIT", "DISPATCH_STATE_MACHINE_ARN")
_AGE = re.compile(r"([1-9][0-9]{0,3})(min|h|d|j)")
_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "j": timedelta(days=1)}
_COLUMNS = ("examen", "canal", "destinataire", "version", "état", "depuis", "suite")


def _age(text: str) -> timedelta:
    found = _AGE.fullmatch(text)
    if found is None:
        raise typer.BadParameter("une durée comme 30min, 2h ou 3j")
    return int(found[1]) * _UNITS[found[2]]


@app.callback()
def _family() -> None:
    """Keep `retry` a sub-command, although it is alone."""


@app.command()
def retry(
    since: Annotated[str, typer.Option(help="Ce qui est dans son état depuis moins de : 30min, 2h, 3j.")] = "24h",
    channel: Annotated[str, typer.Option(help="Canal : dmp, mss_professional, mss_patient, hl7_report… ; tous sinon.")] = "",
    site: Annotated[str, typer.Option(help="Site ; tous sinon.")] = "",
    exam: Annotated[str, typer.Option(help="Numéro d'examen : seulement ses lignes, quel que soit leur âge.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Au plus ce nombre de lignes.")] = 100,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Dire ce qui se passerait, sans rien écrire.")] = False,
    as_json: AsJson = False,
) -> None:
    """Faire repartir ce qui attend ou a été refusé, sauf ce qui pourrait arriver deux fois."""
    need(*_TABLES)
    age, now = _age(since), datetime.now(UTC)
    sites = _sites(site)

    def act() -> list[Retry]:
        return _of_exam(exam, channel, now, dry_run=dry_run) if exam else _of_sites(sites, channel, now - age, limit, now, dry_run)

    done = act() if dry_run else _audited(site or "-", exam or channel or "-", act, now)
    _tell(done, dry_run=dry_run, as_json=as_json)


def _sites(site: str) -> tuple[str, ...]:
    from ris.bootstrap.operator import reference_book

    known = tuple(one.site for one in reference_book().sites())
    if site and site not in known:
        raise InvalidInput("unknown_site", field="site")
    return (site,) if site else known


def _of_sites(sites: tuple[str, ...], channel: str, since: datetime, limit: int, now: datetime, dry_run: bool) -> list[Retry]:
    from ris.application.dispatch.retry import Selection, retry_many
    from ris.bootstrap.dispatch import restart_services

    return retry_many(restart_services(), Selection(sites, since, channel, limit), now, dry_run=dry_run)


def _of_exam(exam: str, channel: str, now: datetime, *, dry_run: bool) -> list[Retry]:
    from ris.application.dispatch.retry import retry_rows
    from ris.bootstrap.dispatch import restart_services

    s = restart_services()
    rows = [row for row in s.deliveries.of_owner(exam) if not channel or row.channel == channel]
    if not rows:
        raise InvalidInput("unknown_delivery", field="exam")
    return retry_rows(s, rows, now, dry_run=dry_run)


def _audited(site: str, what: str, act: Callable[[], list[Retry]], now: datetime) -> list[Retry]:
    """Do it in the name of whoever is logged in on this machine, and keep a record of it whatever comes out."""
    from ris.application.access.record_audit import record_audit
    from ris.bootstrap.access import access_services
    from ris.domain.access.audit import Visit

    actor, visit = f"operator:{getpass.getuser()}", Visit("retry_delivery", site, what, "command line")
    try:
        done = act()
    except RisError as error:
        record_audit(access_services(), None, visit, result="refused", code=error.code, now=now, account_id=actor)
        raise
    record_audit(access_services(), None, visit, result="allowed", now=now, account_id=actor)
    return done


def _tell(done: list[Retry], *, dry_run: bool, as_json: bool) -> None:
    lines = [_shown(one) for one in done]
    if as_json:
        show_json({"dry_run": dry_run, "rows": lines})
        return
    table = [[str(value) for name, value in line.items() if name != "retried"] for line in lines]
    show_table("Repartiraient" if dry_run else "Repris", _COLUMNS, table, none="Rien n'attend et rien n'a été refusé.")
    if lines:
        count = sum(1 for one in done if not one.refusal)
        say(f"{count} sur {len(done)} {'repartiraient' if dry_run else 'repartent'}.")


def _shown(one: Retry) -> dict[str, str | int | bool]:
    """Return what an operator needs: our own numbers and codes, nothing of the patient."""
    row = one.row
    return {
        "exam": row.owner,
        "channel": row.channel,
        "recipient": row.recipient,
        "version": row.report_version,
        "state": row.state.value + (" ?" if row.unknown else ""),
        "since": row.changed_at.isoformat(timespec="seconds") if row.changed_at else "",
        "outcome": one.refusal or "retry",
        "retried": not one.refusal,
    }
