"""`ris usage`: the figures as files, and counting again from the facts."""

from __future__ import annotations

import functools
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ris.cli.audited import audited
from ris.cli.output import AsJson, say, show_json, show_table, steps
from ris.cli.settings import need

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ris.adapters.usage.files import Sheets
    from ris.application.usage.ports import UsageServices
    from ris.domain.usage.period import Period

HELP = """
Les indicateurs d'usage (TBB.01 à TBB.03), par FINESS géographique et RPPS du signataire.

Les chiffres sont la somme de faits écrits une fois et jamais changés ; [cyan]count_usage[/cyan] les compte tous les quarts d'heure.
[cyan]recount[/cyan] refait le compte de jours passés et dit lesquels n'étaient pas justes. Le format des fichiers est décrit dans
docs/usage.md.
"""
app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich")
First = Annotated[str, typer.Option("--from", metavar="AAAA-MM-JJ", help="Premier jour ; le premier du mois en cours par défaut.")]
Last = Annotated[str, typer.Option("--to", metavar="AAAA-MM-JJ", help="Dernier jour ; aujourd'hui par défaut.")]


class Kind(StrEnum):
    """Kinds of files."""

    CSV = "csv"
    XLSX = "xlsx"
    JSON = "json"


@app.command()
def export(
    first: First = "",
    last: Last = "",
    finess: Annotated[str, typer.Option(metavar="FINESS", help="FINESS géographique ; tous par défaut.")] = "",
    rpps: Annotated[str, typer.Option(metavar="RPPS", help="RPPS du signataire ; tous par défaut.")] = "",
    kind: Annotated[Kind, typer.Option("--format", help="csv, xlsx ou json.")] = Kind.CSV,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", dir_okay=False, help="Fichier ; la sortie standard par défaut.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Comme --format json.")] = False,
) -> None:
    """Écrire les indicateurs d'une période."""
    from ris.application.usage.dashboard import Asked, dashboard
    from ris.application.usage.export import rows_of

    s = _services()
    sites = tuple(site.site for site in s.reference.sites())
    found = dashboard(s, Asked(sites, _period(first, last), finess, rpps))
    content = _content(Kind.JSON if as_json else kind, rows_of(found))
    if output is None:
        sys.stdout.buffer.write(content)
        return
    output.write_bytes(content)
    until = f"arrêtés le {found.counted_until:%d/%m/%Y à %H:%M} UTC" if found.counted_until else "dont un site n'a rien de compté"
    say(f"{output} : chiffres {until}.")


@app.command()
def recount(
    sites: Annotated[list[str] | None, typer.Argument(metavar="[SITE]...", help="Sites ; tous par défaut.")] = None,
    first: First = "",
    last: Last = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Dire ce qui changerait, sans l'écrire.")] = False,
    as_json: AsJson = False,
) -> None:
    """Refaire le compte de jours à partir de leurs faits ; un second compte ne change rien. Le compte est tracé, mois par mois."""
    from ris.application.usage.count_usage import recount as count_again
    from ris.domain.errors import InvalidInput

    s, now = _services(), datetime.now(UTC)
    need("TABLE_AUDIT")
    known = [site.site for site in s.reference.sites()]
    if not set(sites or ()) <= set(known):
        raise InvalidInput("unknown_site", field="site")
    wanted = sites or known
    work = [(site, month) for site in wanted for month in _months(_period(first, last))]
    changed: list[tuple[str, str]] = []
    for site, month in steps(work, "Compte des mois", quiet=as_json):
        act = functools.partial(count_again, s, site, month, now, dry_run=dry_run)
        done = act() if dry_run else audited("recount_usage", site, month.first[:7], act, now)
        changed += [(site, day) for day in done.changed]
    if as_json:
        show_json({"dry_run": dry_run, "changed": [{"site": site, "day": day} for site, day in changed]})
        return
    title = "N'est pas ce que disent les faits" if dry_run else "Corrigé d'après les faits"
    show_table(title, ("site", "jour"), changed, none="Tous les jours sont comptés comme les faits le disent.")


def _services() -> UsageServices:
    from ris.bootstrap.usage import usage_services

    need("TABLE_USAGE", "TABLE_REFERENCE")
    return usage_services()


def _period(first: str, last: str) -> Period:
    from ris.domain.errors import InvalidInput
    from ris.domain.usage.period import free

    today = datetime.now(UTC).date()
    try:
        return free(first or (last or today.isoformat())[:8] + "01", last or today.isoformat())
    except InvalidInput as error:
        says = {"no_such_day": "un jour s'écrit AAAA-MM-JJ", "period_reversed": "le premier jour est après le dernier"}
        raise typer.BadParameter(says.get(error.code, "la période dépasse cinq ans"), param_hint=f"--{error.field}") from None


def _months(period: Period) -> Iterable[Period]:
    from ris.domain.usage.period import Period, month_of

    wholes = [month_of(month) for month in period.months]
    return [Period(max(period.first, whole.first), min(period.last, whole.last)) for whole in wholes]


def _content(kind: Kind, sheets: Sheets) -> bytes:
    from ris.adapters.usage.files import csv_of, json_of

    if kind is Kind.XLSX:
        from ris.adapters.usage.workbook import xlsx_of

        return xlsx_of(sheets, datetime.now(UTC))
    return (csv_of(sheets) if kind is Kind.CSV else json_of(sheets)).encode()
