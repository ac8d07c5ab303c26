"""`ris site check`, `install` and `update`: what is done at the site, beside the gateway."""

from __future__ import annotations

import json
from dataclasses import asdict
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
    from gateways.edge.check import check, doors
    from gateways.edge.config import load

    settings = load(config)
    found = list(check(settings, doors(settings, status_file)))
    if as_json:
        show_json([{"what": one.what, "fine": one.fine, "said": one.said} for one in found])
    else:
        rows = [("bien" if one.fine else "À VOIR", one.what, one.said) for one in found]
        show_table(f"Passerelle {settings.gateway_id}", ("", "quoi", "constat"), rows, none="")
    if not all(one.fine for one in found):
        raise typer.Exit(1)


@app.command("install")
def install_site(
    outputs: Annotated[Path, typer.Option(help="Réponse de aws cloudformation describe-stacks pour la pile du site.", exists=True)],
    local: Annotated[Path, typer.Option(help="Réglages propres au lieu : mllp, dicom, destinations, sources.", exists=True)],
    gateway_id: Annotated[str, typer.Option(help="Nom de cette passerelle, unique sur le site.")],
    image: Annotated[str, typer.Option(help="Empreinte de l'image (nom@sha256:…) ; sans elle, une unité systemd.")] = "",
    into: Annotated[Path, typer.Option(help="Racine où écrire.", file_okay=False)] = Path("/"),
    replace: Annotated[bool, typer.Option("--replace", help="Remplacer ce qui diffère ; l'ancien reste en .old.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Montrer seulement.")] = False,
    as_json: AsJson = False,
) -> None:
    """Préparer une machine : réglages, clé et demande de certificat, accès AWS, unité ou compose.

    La clé n'est jamais remplacée et ne quitte pas la machine. Rien n'est écrasé sans --replace.

    Exemple : ris site install --outputs pile.json --local local.json --gateway-id nord-1 --dry-run
    """
    from pydantic import ValidationError

    from gateways.edge.install import CannotInstall, outputs_of, plan, write

    try:
        stack = outputs_of(json.loads(outputs.read_bytes()))
        planned = plan(into, stack, json.loads(local.read_bytes()), gateway_id=gateway_id, image=image)
        if not dry_run:
            write(into, planned, replace=replace)
    except (CannotInstall, ValidationError, ValueError) as error:
        typer.echo(f"Refusé, rien n'est écrit : {error}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        show_json([{"state": one.state, "path": str(into / one.path), "mode": f"{one.mode:o}"} for one in planned])
        return
    states = {"new": "nouveau", "same": "inchangé", "kept": "gardé", "other": "remplacé" if replace else "DIFFÈRE"}
    rows = [(states[one.state], str(into / one.path), f"{one.mode:o}") for one in planned]
    show_table("À écrire" if dry_run else "Écrit", ("", "fichier", "droits"), rows, none="")


@app.command("update")
def update_site(
    image: Annotated[str, typer.Argument(help="Empreinte de la nouvelle image (nom@sha256:…).")] = "",
    config: Config = Path("/etc/ris/gateway.json"),
    outputs: Annotated[
        Path | None,
        typer.Option(help="Réponse de describe-stacks pour la pile du site : l'image que nomme GatewayImage.", exists=True),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Finir ou défaire une mise à jour coupée en chemin.")] = False,
    within: Annotated[int, typer.Option(help="Secondes laissées à une image pour aller bien.", min=1)] = 120,
    as_json: AsJson = False,
) -> None:
    """Mettre la passerelle à jour, par l'empreinte de son image ; revenir de soi-même si elle ne va pas.

    Tout ce qui allait avant doit aller après, comme le voit ris site check. Code de sortie 0 quand l'image voulue est en service.

    Exemple : ris site update registre.exemple/ris-gateway@sha256:…
    """
    from gateways.edge.check import check, doors
    from gateways.edge.config import load
    from gateways.edge.engine import Compose, EngineFailed
    from gateways.edge.install import CannotInstall, image_of
    from gateways.edge.update import CannotUpdate, Updater

    if bool(image) + bool(outputs) + resume != 1:
        raise typer.BadParameter("donner une empreinte, --outputs, ou --resume")
    settings = load(config)
    updater = Updater(Compose(config.parent), config.parent, lambda: list(check(settings, doors(settings))), within_s=within)
    try:
        wanted = image_of(json.loads(outputs.read_bytes())) if outputs else image
        ended = updater.resume() if resume else updater.update(wanted)
    except (CannotInstall, CannotUpdate, EngineFailed, ValueError) as error:
        typer.echo(f"Refusé, rien n'est changé : {error}", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"Arrêtée, à reprendre par --resume : {type(error).__name__}, {error.filename}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        show_json(None if ended is None else asdict(ended))
    elif ended is None:
        typer.echo("Aucune mise à jour en chemin.")
    else:
        words = {
            "updated": f"En service : {ended.new} (avant : {ended.old}).",
            "same": f"Déjà en service : {ended.new}.",
            "went_back": f"Revenue à {ended.old}. La nouvelle n'allait pas : {ended.why}",
            "unwell": f"Revenue à {ended.old}, QUI NE VA PAS NON PLUS : {ended.why}",
        }
        typer.echo(words[ended.state])
    if ended is not None and ended.state in ("went_back", "unwell"):
        raise typer.Exit(1)
