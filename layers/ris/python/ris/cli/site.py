"""`ris site`: what the deployment knows of its sites."""

from __future__ import annotations

import typer

from ris.cli.output import AsJson, show_json, show_table
from ris.cli.settings import need

app = typer.Typer(help="Les sites du groupe, tels que le déploiement les connaît.", no_args_is_help=True)


@app.command("list")
def list_sites(as_json: AsJson = False) -> None:
    """Montrer les sites, leurs salles et leurs modalités."""
    from ris.bootstrap.operator import reference_book

    need("TABLE_REFERENCE")
    book = reference_book()
    sites = [
        {
            "site": site.site,
            "name": site.name,
            "finess_geo": site.finess_geo,
            "legal_entity": site.legal_entity,
            "gateway_ae_title": site.gateway_ae_title,
            "rooms": [room.room for room in book.rooms(site.site)],
            "modalities": [f"{one.ae_title} ({one.dicom_modality})" for one in book.modalities(site.site)],
        }
        for site in book.sites()
    ]
    if as_json:
        show_json(sites)
        return
    columns = ("site", "nom", "FINESS", "entité", "passerelle", "salles", "modalités")
    rows = [[value if isinstance(value, str) else "\n".join(value) for value in site.values()] for site in sites]
    show_table("Sites", columns, rows, none="Aucun site : charger le référentiel avec ris reference load.")
