"""`ris dispatch`: what did not reach its recipient, sent again by hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ris.cli.audited import audited
from ris.cli.output import AsJson, say, show_json, show_table, steps
from ris.cli.settings import need
from ris.domain.errors import InvalidInput

if TYPE_CHECKING:
    from ris.application.dispatch.retry import Retry
    from ris.domain.dispatch.delivery import Delivery

HELP = """
Les comptes rendus et messages qui ne sont pas arrivés.

[cyan]retry[/cyan] fait repartir ce qui attend ou a été refusé, une fois la cause corrigée. Ce qui pourrait arriver deux fois ne repart pas : la
ligne dit pourquoi. [cyan]--dry-run[/cyan] dit ce qui se passerait, sans rien écrire.

[bold]Exemples[/bold]

[cyan]ris dispatch stuck nord[/cyan] montre ce qui est bloqué, le plus ancien d'abord.

[cyan]ris dispatch retry --since 2h --channel dmp --dry-run[/cyan] après une panne du DMP.

[cyan]ris dispatch retry --exam 26000000042[/cyan] pour un seul examen, quel que soit son âge.
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


@app.command()
def stuck(
    site: Annotated[str, typer.Argument(metavar="SITE", help="Site, comme dans ris site list.")],
    channel: Annotated[str, typer.Option(help="Canal : dmp, mss_professional… ; tous sinon.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Au plus ce nombre de lignes par canal.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Montrer ce qui est bloqué, le plus ancien d'abord, avec le code de l'autre côté ; code de sortie 1 s'il y en a."""
    from ris.application.dispatch.cockpit import CHANNELS
    from ris.bootstrap.operator import cockpit_services
    from ris.domain.dispatch.stuck import stuck_key

    need("TABLE_EXAMS", "TABLE_REFERENCE", "TABLE_MESSAGES")
    _sites(site)
    if channel and channel not in CHANNELS:
        raise typer.BadParameter(f"{channel} : attendu {', '.join(CHANNELS)}")
    deliveries = cockpit_services().deliveries
    found = [row for each in ((channel,) if channel else CHANNELS) for row in deliveries.stuck(site, each, limit=limit)]
    lines = [_stuck_line(row) for row in sorted(found, key=stuck_key)]
    if as_json:
        show_json(lines)
    else:
        columns = ("examen", "canal", "destinataire", "version", "état", "depuis", "motif", "code", "prochain essai")
        rows = [[str(value) for value in line.values()] for line in lines]
        show_table(f"Bloqué à {site}", columns, rows, none=f"Rien n'est bloqué à {site}.")
    if lines:
        raise typer.Exit(1)


def _stuck_line(row: Delivery) -> dict[str, str | int]:
    from ris.domain.dispatch.stuck import stuck_since

    since = stuck_since(row)
    return {
        "exam": row.owner,
        "channel": row.channel,
        "recipient": row.recipient,
        "version": row.report_version,
        "state": row.state.value + (" ?" if row.unknown else ""),
        "since": since.isoformat(timespec="seconds") if since else "",
        "reason": row.reason,
        "remote_code": row.remote_code,
        "next_try_at": row.due_at.isoformat(timespec="seconds") if row.due_at else "",
    }


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
        rows = _of_exam(exam, channel) if exam else _of_sites(sites, channel, now - age, limit, now)
        return _retried(rows, now, dry_run=dry_run, quiet=as_json)

    done = act() if dry_run else audited("retry_delivery", site, exam or channel or "-", act, now)
    _tell(done, dry_run=dry_run, as_json=as_json)


def _sites(site: str) -> tuple[str, ...]:
    from ris.bootstrap.operator import reference_book

    known = tuple(one.site for one in reference_book().sites())
    if site and site not in known:
        raise InvalidInput("unknown_site", field="site")
    return (site,) if site else known


def _of_sites(sites: tuple[str, ...], channel: str, since: datetime, limit: int, now: datetime) -> Sequence[Delivery]:
    from ris.application.dispatch.retry import Selection, select
    from ris.bootstrap.dispatch import restart_services

    return select(restart_services(), Selection(sites, since, channel, limit), now)


def _of_exam(exam: str, channel: str) -> Sequence[Delivery]:
    from ris.bootstrap.dispatch import restart_services

    rows = [row for row in restart_services().deliveries.of_owner(exam) if not channel or row.channel == channel]
    if not rows:
        raise InvalidInput("unknown_delivery", field="exam")
    return rows


def _retried(rows: Sequence[Delivery], now: datetime, *, dry_run: bool, quiet: bool) -> list[Retry]:
    from ris.application.dispatch.retry import retry_rows
    from ris.bootstrap.dispatch import restart_services

    return retry_rows(restart_services(), steps(rows, "Relance", quiet=quiet), now, dry_run=dry_run)


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
