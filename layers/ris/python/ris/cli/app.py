"""The command as a whole: its help, its families of sub-commands, and those that other packages contribute."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Annotated

import typer
from typer.models import CommandInfo

from ris.cli import audit, certificates, dispatch, messages, proof, reference, site, usage
from ris.cli.failures import told
from ris.cli.settings import use_stack_outputs

HELP = """
Commande de l'exploitant du RIS : référentiel du groupe, messages en attente, passerelles.

[bold]Pour commencer[/bold]

1. [cyan]ris reference check DOSSIER[/cyan] vérifie les fichiers du groupe, sans rien joindre.

2. [cyan]ris reference load DOSSIER --dry-run[/cyan] dit ce qui changerait ; sans [cyan]--dry-run[/cyan], l'écrit.

3. [cyan]ris site list[/cyan] montre les sites, leurs salles et leurs modalités.

4. [cyan]ris certificates csr FINESS[/cyan] fait la demande du certificat SIGN d'une entité juridique ; [cyan]ris certificates list[/cyan] dit les jours restants.

5. [cyan]ris messages list nord[/cyan] montre ce qui attend une décision sur un site.

6. [cyan]ris dispatch stuck nord[/cyan] montre ce qui est bloqué ; [cyan]ris dispatch retry --since 2h --dry-run[/cyan] dit ce qui repartirait, et le fait
repartir sans [cyan]--dry-run[/cyan].

7. [cyan]ris audit verify nord[/cyan] vérifie que la trace des accès est celle qui a été scellée.

Chaque commande a un [cyan]--help[/cyan] avec ses exemples, et [cyan]--json[/cyan] pour les programmes. Les longs travaux montrent leur avancement sur un terminal.

8. [cyan]ris usage export --from 2026-01-01 --format xlsx -o usage.xlsx[/cyan] écrit les indicateurs ; [cyan]ris usage recount[/cyan] refait le compte.

[bold]Quel déploiement ?[/bold] Celui que nomment les variables d'environnement ([cyan]TABLE_REFERENCE[/cyan]…), ou celui du fichier
de [cyan]--stack-outputs[/cyan] : la sortie de [cyan]aws cloudformation describe-stacks[/cyan], ou le fichier d'état du nuage local.
"""

OUTPUTS_HELP = "Fichier des sorties de la pile (aws cloudformation describe-stacks, ou état du nuage local)."


def build() -> typer.Typer:
    """Return the command with every family, those of the entry points `ris.commands` included."""
    app = typer.Typer(
        help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False
    )
    app.callback(help=HELP)(_root)
    app.add_typer(reference.app, name="reference")
    app.add_typer(site.app, name="site")
    app.add_typer(messages.app, name="messages")
    app.add_typer(dispatch.app, name="dispatch")
    app.add_typer(certificates.app, name="certificates")
    app.add_typer(audit.app, name="audit")
    app.add_typer(usage.app, name="usage")
    app.command("proof", help=proof.HELP)(proof.proof)
    for point in sorted(entry_points(group="ris.commands"), key=lambda point: point.name):
        _add_contributed(app, point)
    return app


def _root(
    stack_outputs: Annotated[Path | None, typer.Option(envvar="RIS_STACK_OUTPUTS", help=OUTPUTS_HELP)] = None,
) -> None:
    if stack_outputs:
        use_stack_outputs(stack_outputs)


def _add_contributed(app: typer.Typer, point: EntryPoint) -> None:
    """Add a family that another package brings, its commands to one of ours that has its name, or a word that says what is missing."""
    ours = {"site": site.app}.get(point.name)
    try:
        family = point.load()
    except ImportError as error:
        missing = error.name or point.module
    else:
        if isinstance(family, typer.Typer):
            if ours is None:
                app.add_typer(family, name=point.name)
            else:
                ours.registered_commands = [*_own(ours, family), *family.registered_commands]
            return
        missing = f"{point.value} (typer.Typer)"
    if ours is not None:
        return
    text = f"Indisponible sur ce poste : il manque {missing}."
    anything = {"allow_extra_args": True, "ignore_unknown_options": True}

    @app.command(point.name, help=text, context_settings=anything)
    def say() -> None:
        typer.echo(text, err=True)
        raise typer.Exit(2)


def _own(ours: typer.Typer, contributed: typer.Typer) -> list[CommandInfo]:
    """Return our commands without those contributed, so that a command built twice has each once."""
    names = {command.name for command in contributed.registered_commands}
    return [command for command in ours.registered_commands if command.name not in names]


def run() -> None:
    """Run the command; what fails is told in one sentence and by the exit status (1 refused, 2 wrong use or settings)."""
    try:
        build()()
    except Exception as error:  # the outermost shell
        sentence = told(error)
        if sentence is None:
            raise
        typer.echo(sentence, err=True)
        sys.exit(1)
