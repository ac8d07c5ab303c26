"""`ris site check` and `ris site install`: what is done at the site, beside the gateway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ris.cli.output import AsJson, show_json, show_table

app = typer.Typer()

Config = Annotated[Path, typer.Option(help="Fichier JSON des réglages de la passerelle.", exists=True, dir_okay=False)]


@app.command("check")
def check_site(
    config: Config,
    status_file: Annotated[Path | None, typer.Option(help="Fichier des ports, si les réglages n'en nomment pas.")] = None,
    as_json: AsJson = False,
) -> None:
    """Vérifier une passerelle sur place : C-ECHO, MLLP, file, horloge, destinataires, certificats.

    Rien n'est pris ni changé. Code de sortie 0 quand tout va, 1 sinon.

    Exemple : ris site check --config /etc/ris/gateway.json
    """
    from gateways.edge.check import check
    from gateways.edge.config import load

    settings = load(config)
    path = status_file or settings.status_file
    if path is None:
        raise typer.BadParameter("les réglages ne nomment pas de status_file : donner --status-file")
    try:
        ports = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        typer.echo(f"{path} : illisible, la passerelle n'a pas démarré", err=True)
        raise typer.Exit(1) from None
    found = list(check(settings, ports))
    if as_json:
        show_json([{"what": one.what, "fine": one.fine, "said": one.said} for one in found])
    else:
        rows = [("bien" if one.fine else "À VOIR", one.what, one.said) for one in found]
        show_table(f"Passerelle {settings.gateway_id}", ("", "quoi", "constat"), rows, none="")
    if not all(one.fine for one in found):
        raise typer.Exit(1)
