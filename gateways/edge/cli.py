"""`ris gateway …`: run a gateway of a site, or one alone without any cloud."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from gateways.edge.config import DicomSettings, HealthSettings, MllpSettings, Settings, load

app = typer.Typer(help="La passerelle d'un site : HL7, DICOM, file durable.", no_args_is_help=True)


@app.callback()
def gateway() -> None:
    """La passerelle d'un site."""


@app.command()
def run(
    config: Annotated[Path | None, typer.Option(help="Fichier JSON des réglages du site.")] = None,
    worklist: Annotated[Path | None, typer.Option(help="Sans cloud : dossier de fichiers de worklist (.wl).")] = None,
    dicom_port: Annotated[int | None, typer.Option(min=0, max=65535, help="Sans cloud : port DICOM (0 : un port libre).")] = None,
    mllp_port: Annotated[int | None, typer.Option(min=0, max=65535, help="Sans cloud : port MLLP (0 : un port libre).")] = None,
    spool: Annotated[Path | None, typer.Option(help="Sans cloud : dossier où les messages restent.")] = None,
    ae_title: Annotated[str, typer.Option(help="Titre AE de la passerelle.")] = "RISMWL",
    host: Annotated[str, typer.Option(help="Adresse d'écoute.")] = "127.0.0.1",
    health_port: Annotated[int, typer.Option(min=0, max=65535, help="Port de santé (0 : un port libre).")] = 0,
    status_file: Annotated[Path | None, typer.Option(help="Fichier où écrire les ports, une fois prête.")] = None,
    life_fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Lance la passerelle jusqu'à SIGTERM."""
    from gateways.edge.run import follow_life_pipe
    from gateways.edge.run import run as serve

    follow_life_pipe(life_fd)
    if config is not None:
        serve(load(config))
        return
    if dicom_port is None and mllp_port is None:
        raise typer.BadParameter("donnez --config, --dicom-port ou --mllp-port")
    if mllp_port is not None and spool is None:
        raise typer.BadParameter("--mllp-port demande --spool : rien n'est acquitté sans être écrit")
    if worklist is not None and not worklist.is_dir():
        raise typer.BadParameter("--worklist n'est pas un dossier")
    dicom = (
        DicomSettings(host=host, port=dicom_port, ae_title=ae_title, any_called=True, unknown_calling="accept")
        if dicom_port is not None
        else None
    )
    serve(
        Settings(
            dicom=dicom,
            mllp=MllpSettings(host=host, port=mllp_port) if mllp_port is not None else None,
            spool=spool,
            worklist_folder=worklist,
            health=HealthSettings(host=host, port=health_port),
            status_file=status_file,
        )
    )


Spool = Annotated[Path, typer.Option(help="Dossier de la file (réglage spool).", exists=True, file_okay=False)]


@app.command()
def resync(spool: Spool) -> None:
    """Demande au nuage toute la liste de travail du site.

    Exemple : ris gateway resync --spool /var/lib/ris/spool
    """
    answer = _ask(spool, {"do": "resync"})
    if "done" not in answer:
        typer.echo(f"Refusé : {answer.get('error')}", err=True)
        raise typer.Exit(1)
    typer.echo("Demandé.")


@app.command()
def replay(
    spool: Spool,
    since: Annotated[str, typer.Option(help="Début : 2h, 30m, 1d, ou un instant ISO 8601 avec son décalage.")],
    until: Annotated[str, typer.Option(help="Fin, de même forme ; maintenant par défaut.")] = "0m",
) -> None:
    """Renvoie au nuage ce qui y était déjà parti, dans son ordre ; le nuage écarte ce qu'il a appliqué.

    Exemple : ris gateway replay --spool /var/lib/ris/spool --since 2h
    """
    answer = _ask(spool, {"do": "replay", "since": _instant(since), "until": _instant(until)})
    if "rows" not in answer:
        typer.echo(f"Refusé : {answer.get('error')}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{answer['rows']} message(s) remis en file.")


def _ask(spool: Path, question: dict[str, str]) -> dict[str, Any]:
    from gateways.edge.control import ask

    try:
        return ask(spool, question)
    except OSError as error:
        typer.echo(f"aucune passerelle ne répond dans {spool} ({type(error).__name__})", err=True)
        raise typer.Exit(1) from None


def _instant(text: str) -> str:
    """Return the ISO instant that a span back from now, or an instant, names."""
    span = re.fullmatch(r"(\d{1,4})([mhd])", text)
    if span:
        unit = {"m": "minutes", "h": "hours", "d": "days"}[span.group(2)]
        return (datetime.now(UTC) - timedelta(**{unit: int(span.group(1))})).isoformat()
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise typer.BadParameter("attendu : 2h, 30m, 1d, ou un instant ISO 8601 avec son décalage")
    return instant.isoformat()
