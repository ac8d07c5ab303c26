"""`ris audit`: is the audit trail the one that was sealed?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from ris.cli.output import AsJson, say, show_json, show_table
from ris.cli.settings import need

if TYPE_CHECKING:
    from ris.domain.access.chain import ChainFault

HELP = """
La trace des accès, enregistrée par site et par jour (UTC).

Toutes les quinze minutes, [cyan]seal_audit[/cyan] lie les enregistrements en une chaîne et signe chaque maillon par une clé de KMS ; une copie signée
reste dans un coffre où rien ne s'efface. [cyan]verify[/cyan] refait le calcul : un enregistrement changé, retiré, ajouté ou déplacé se voit.
"""
app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich")
_FAULTS = {
    "record_changed": "enregistrement changé depuis qu'il est scellé",
    "record_missing": "enregistrement scellé, puis retiré",
    "record_unsealed": "enregistrement que rien n'a scellé : ajouté après coup, ou seal_audit ne tourne pas",
    "seal_changed": "maillon changé",
    "seal_missing": "maillon retiré",
    "seal_not_signed": "maillon dont la signature n'est pas celle de la clé d'audit",
    "seals_cut_off": "fin de chaîne coupée : le coffre a vu d'autres maillons",
}


@app.callback()
def _family() -> None:
    """Keep `verify` a sub-command: others will come."""


@app.command()
def verify(
    site: Annotated[str, typer.Argument(metavar="SITE", help="Site, ou - pour les accès qui n'en nomment aucun.")],
    first: Annotated[
        str, typer.Option("--from", metavar="AAAA-MM-JJ", help="Premier jour (UTC) ; il y a sept jours par défaut.")
    ] = "",
    last: Annotated[str, typer.Option("--to", metavar="AAAA-MM-JJ", help="Dernier jour (UTC) ; aujourd'hui par défaut.")] = "",
    as_json: AsJson = False,
) -> None:
    """Vérifier la chaîne d'un site ; le code de sortie est 1 si quelque chose a changé."""
    from ris.application.access.verify_audit import verify_audit
    from ris.bootstrap.audit import chain_services

    need("TABLE_AUDIT", "BUCKET_DOCUMENTS", "AUDIT_KEY_ID")
    now = datetime.now(UTC)
    days = _days(first, last, now)
    report = verify_audit(chain_services(), site, days, now)
    if as_json:
        faults = [{"code": fault.code, "day": fault.day, "place": fault.place} for fault in report.faults]
        show_json({"site": site, "days": days, "records": report.records, "seals": report.seals, "faults": faults})
    else:
        rows = [_row(fault) for fault in report.faults]
        show_table(
            f"Ce qui n'est plus comme scellé à {site}", ("jour", "où", "quoi"), rows, none=f"La chaîne de {site} est intacte."
        )
        say(f"{report.records} enregistrement(s), {report.seals} maillon(s), {len(days)} jour(s).")
    if report.faults:
        raise typer.Exit(1)


def _row(fault: ChainFault) -> tuple[str, str, str]:
    return fault.day, fault.place, f"{_FAULTS[fault.code]} ({fault.code})"


def _days(first: str, last: str, now: datetime) -> list[str]:
    try:
        end = datetime.fromisoformat(last).date() if last else now.date()
        day = datetime.fromisoformat(first).date() if first else end - timedelta(days=7)
    except ValueError:
        raise typer.BadParameter("un jour s'écrit AAAA-MM-JJ") from None
    if day > end:
        raise typer.BadParameter("le premier jour est après le dernier")
    return [(day + timedelta(days=number)).isoformat() for number in range((end - day).days + 1)]
