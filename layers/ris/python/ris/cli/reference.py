"""`ris reference`: check and load a group's files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ris.cli.audited import audited
from ris.cli.output import AsJson, say, show_json, show_table, steps
from ris.cli.settings import need

if TYPE_CHECKING:
    from ris.application.load_reference import LoadReport

HELP = """
Le référentiel du groupe : entités juridiques, sites, salles, modalités, catalogue, praticiens, correspondants, comptes.

Un dossier de huit listes JSON, et au besoin celles des trames, phrases types, échéances et indicateurs ; [cyan]infra/local/demo/reference/[/cyan] en est un exemple complet. Toutes les fautes sont dites d'un
coup, avec le fichier, la ligne, le champ et la règle. Ce qui a quitté les fichiers quitte la table.
"""
app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich")
Folder = Annotated[Path, typer.Argument(exists=True, file_okay=False, metavar="DOSSIER", help="Dossier des fichiers.")]
_VERBS = {"add": "ajouté", "change": "changé", "remove": "retiré"}
_KINDS = {
    "legal_entity": "entité juridique",
    "site": "site",
    "room": "salle",
    "modality": "modalité",
    "catalogue": "examen",
    "practitioner": "praticien",
    "correspondent": "correspondant",
    "account": "compte",
    "login": "connexion",
    "report_template": "trame de compte rendu",
    "report_macro": "phrase type",
    "milestone": "échéance",
    "indicator": "indicateur",
}


@app.command()
def check(folder: Folder, as_json: AsJson = False) -> None:
    """Vérifier les fichiers sans rien joindre ni écrire."""
    rows = len(_read(folder, as_json=as_json))
    if as_json:
        show_json({"rows": rows, "faults": []})
    else:
        say(f"Fichiers justes : {rows} lignes.")


@app.command()
def load(
    folder: Folder,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Dire ce qui changerait, sans l'écrire.")] = False,
    as_json: AsJson = False,
) -> None:
    """Écrire les fichiers dans la table du référentiel ; un second chargement ne change rien. Le chargement est tracé."""
    from ris.adapters.reference.files import read_folder
    from ris.application.load_reference import load_reference
    from ris.bootstrap.operator import reference_table

    _read(folder, as_json=as_json)
    need("TABLE_REFERENCE", "TABLE_AUDIT")
    now = datetime.now(UTC)

    def act() -> LoadReport:
        return load_reference(
            reference_table(),
            read_folder(folder),
            now=now,
            dry_run=dry_run,
            shown=lambda changes: steps(changes, "Écriture", quiet=as_json),
        )

    report = act() if dry_run else audited("load_reference", "", "-", act, now)
    changes = [(change.verb, change.entry.kind, f"{change.entry.scope} {change.entry.key}".strip()) for change in report.changes]
    if as_json:
        listed = [{"verb": verb, "kind": kind, "key": key} for verb, kind, key in changes]
        show_json({"dry_run": dry_run, "unchanged": report.unchanged, "changes": listed})
        return
    rows = [(_VERBS[verb], _KINDS[kind], key) for verb, kind, key in changes]
    show_table("Serait changé" if dry_run else "Écrit", ("", "quoi", "clé"), rows, none="Rien à changer.")
    counts = ", ".join(f"{report.count(verb)} {word}(s)" for verb, word in _VERBS.items())
    say(f"{counts}, {report.unchanged} inchangé(s){' : rien n’a été écrit' if dry_run else ''}.")


def _read(folder: Path, *, as_json: bool) -> list[object]:
    """Return the rows of the files, or say every fault and stop with status 1."""
    from ris.adapters.reference.files import ReferenceFaults, read_folder
    from ris.application.load_reference import entries_of

    try:
        return list(entries_of(read_folder(folder)))
    except ReferenceFaults as faults:
        if as_json:
            show_json({"rows": 0, "faults": [vars(fault) for fault in faults.faults]})
        else:
            for fault in faults.faults:
                typer.echo(str(fault), err=True)
            typer.echo(f"{len(faults.faults)} faute(s) ; rien n'a été écrit.", err=True)
        raise typer.Exit(1) from None
