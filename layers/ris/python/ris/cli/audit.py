"""`ris audit`: is the audit trail the one that was sealed?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ris.cli.audited import recorded
from ris.cli.output import AsJson, say, show_json, show_table, steps
from ris.cli.settings import need

if TYPE_CHECKING:
    from ris.domain.access.audit import AuditRecord
    from ris.domain.access.chain import ChainFault

HELP = """
La trace des accès, enregistrée par site et par jour (UTC).

Toutes les quinze minutes, [cyan]seal_audit[/cyan] lie les enregistrements en une chaîne et signe chaque maillon par une clé de KMS ; une copie signée
reste dans un coffre où rien ne s'efface. [cyan]verify[/cyan] refait le calcul : un enregistrement changé, retiré, ajouté ou déplacé se voit.

[bold]Exemples[/bold]

[cyan]ris audit verify nord --from 2026-11-01[/cyan] vérifie tout le mois.

[cyan]ris audit export nord --from 2026-11-01 --action reveal_ins -o ins.csv[/cyan] dit qui a affiché un INS.
"""
app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich")
Site = Annotated[str, typer.Argument(metavar="SITE", help="Site, ou - pour les accès qui n'en nomment aucun.")]
First = Annotated[str, typer.Option("--from", metavar="AAAA-MM-JJ", help="Premier jour (UTC) ; il y a sept jours par défaut.")]
Last = Annotated[str, typer.Option("--to", metavar="AAAA-MM-JJ", help="Dernier jour (UTC) ; aujourd'hui par défaut.")]
_PAGE = 1000


@app.command()
def verify(
    site: Site,
    first: First = "",
    last: Last = "",
    as_json: AsJson = False,
) -> None:
    """Vérifier la chaîne d'un site ; le code de sortie est 1 si quelque chose a changé."""
    from ris.application.access.verify_audit import verify_audit
    from ris.bootstrap.audit import chain_services

    need("TABLE_AUDIT", "BUCKET_DOCUMENTS", "AUDIT_KEY_ID")
    now = datetime.now(UTC)
    days = _days(first, last, now)
    report = verify_audit(chain_services(), site, steps(days, "Vérification", quiet=as_json), now)
    if as_json:
        faults = [{"code": fault.code, "day": fault.day, "place": fault.place} for fault in report.faults]
        show_json(
            {
                "site": site,
                "days": days,
                "records": report.records,
                "waiting": report.waiting,
                "seals": report.seals,
                "faults": faults,
            }
        )
    else:
        rows = [_row(fault) for fault in report.faults]
        show_table(
            f"Ce qui n'est plus comme scellé à {site}", ("jour", "où", "quoi"), rows, none=f"La chaîne de {site} est intacte."
        )
        waiting = f", dont {report.waiting} pas encore scellé(s)" if report.waiting else ""
        say(f"{report.records} enregistrement(s){waiting}, {report.seals} maillon(s), {len(days)} jour(s).")
    if report.faults:
        raise typer.Exit(1)


@app.command()
def export(
    site: Site,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FICHIER", dir_okay=False, help="Fichier CSV à écrire.")],
    first: First = "",
    last: Last = "",
    patient: Annotated[str, typer.Option(help="Seulement les accès à ce patient (notre numéro).")] = "",
    person: Annotated[str, typer.Option(help="Seulement ceux de ce compte.")] = "",
    action: Annotated[str, typer.Option(help="Seulement cette action, par exemple cancel_exam.")] = "",
    as_json: AsJson = False,
) -> None:
    """Écrire les accès d'une période dans un CSV, du plus ancien au plus récent ; l'export est lui-même tracé."""
    from ris.application.access.audit_csv import COLUMNS, cells
    from ris.application.csv_text import csv_text

    need("TABLE_AUDIT")
    now = datetime.now(UTC)
    days = _days(first, last, now)
    recorded("export_audit", site, patient or person or action, now, patient=patient)
    count = 0
    with output.open("w", encoding="utf-8", newline="") as file:
        file.write(csv_text(COLUMNS, ()))
        for day in steps(days, "Export", quiet=as_json):
            records = _of_day(site, day, patient, person, action)
            file.write(csv_text(COLUMNS, (cells(record) for record in records), beginning=False))
            count += len(records)
    if as_json:
        show_json({"site": site, "days": days, "records": count, "file": str(output)})
    else:
        say(f"{output} : {count} accès, {len(days)} jour(s).")


def _of_day(site: str, day: str, patient: str, person: str, action: str) -> list[AuditRecord]:
    """Return what was asked for of one day (UTC), the earliest first."""
    from ris.application.access.read_audit import AuditQuestion, read_audit
    from ris.bootstrap.access import access_services

    since = datetime.fromisoformat(day).replace(tzinfo=UTC)
    question = AuditQuestion(site, since, since + timedelta(days=1), patient, person, action)
    found: list[AuditRecord] = []
    page = read_audit(access_services().audit, question, limit=_PAGE)
    found += page.records
    while page.after:
        page = read_audit(access_services().audit, question, limit=_PAGE, after=page.after)
        found += page.records
    return found[::-1]


def _row(fault: ChainFault) -> tuple[str, str, str]:
    from ris.portal.french_audit import CHAIN_FAULTS

    return fault.day, fault.place, f"{CHAIN_FAULTS[fault.code]} ({fault.code})"


def _days(first: str, last: str, now: datetime) -> list[str]:
    try:
        end = datetime.fromisoformat(last).date() if last else now.date()
        day = datetime.fromisoformat(first).date() if first else end - timedelta(days=7)
    except ValueError:
        raise typer.BadParameter("un jour s'écrit AAAA-MM-JJ") from None
    if day > end:
        raise typer.BadParameter("le premier jour est après le dernier")
    return [(day + timedelta(days=number)).isoformat() for number in range((end - day).days + 1)]
