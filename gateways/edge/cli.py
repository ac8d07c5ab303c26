"""`ris gateway …`: run a gateway of a site, or one alone without any cloud."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
    dicom_port: Annotated[int | None, typer.Option(help="Sans cloud : port DICOM (0 : un port libre).")] = None,
    mllp_port: Annotated[int | None, typer.Option(help="Sans cloud : port MLLP (0 : un port libre).")] = None,
    spool: Annotated[Path | None, typer.Option(help="Sans cloud : dossier où les messages restent.")] = None,
    ae_title: Annotated[str, typer.Option(help="Titre AE de la passerelle.")] = "RISMWL",
    host: Annotated[str, typer.Option(help="Adresse d'écoute.")] = "127.0.0.1",
    health_port: Annotated[int, typer.Option(help="Port de santé (0 : un port libre).")] = 0,
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
