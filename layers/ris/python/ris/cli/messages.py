"""`ris messages`: HL7 messages that were acknowledged and could not be applied, and what is decided of them."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ris.cli.audited import audited, operator
from ris.cli.output import AsJson, say, show_json, show_table, steps
from ris.cli.settings import need
from ris.domain.errors import InvalidInput, RisError

if TYPE_CHECKING:
    from ris.application.agenda.messages import LedgerEntry

HELP = """
Les messages HL7 acquittés (AA) que le RIS n'a pas pu appliquer.

Chacun attend une décision avec son motif et l'endroit fautif (segment et champ) : [cyan]replay[/cyan] l'applique de nouveau, une fois la cause
corrigée ; [cyan]dismiss[/cyan] le retire de la liste. Les deux sont tracés. Le contenu ne s'affiche pas ici : il est dans le portail.

[bold]Exemples[/bold]

[cyan]ris messages list nord[/cyan] puis [cyan]ris messages replay nord IDENTIFIANT[/cyan].

[cyan]ris messages replay nord --all --reason unknown_placer_number --dry-run[/cyan] avant de tout rejouer une fois la cause corrigée.
"""
app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich")
Site = Annotated[str, typer.Argument(metavar="SITE", help="Site, comme dans ris site list.")]
Message = Annotated[str, typer.Argument(metavar="MESSAGE", help="Identifiant, comme dans ris messages list.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ne pas demander de confirmation.")]
_TABLES = ("TABLE_MESSAGES", "TABLE_REFERENCE", "TABLE_PATIENTS", "TABLE_EXAMS", "TABLE_AGENDA", "TABLE_AUDIT")


@app.command("list")
def list_parked(
    site: Site, limit: Annotated[int, typer.Option(min=1, max=1000, help="Au plus ce nombre.")] = 100, as_json: AsJson = False
) -> None:
    """Montrer ce qui attend une décision, le plus ancien d'abord."""
    from ris.bootstrap.intake import intake_services

    _check_site(site)
    listed = [_shown(entry) for entry in intake_services().ledger.parked(site, limit=limit)]
    if as_json:
        show_json(listed)
        return
    columns = ("message", "reçu", "type", "émetteur", "état", "motif", "endroit")
    show_table(f"En attente à {site}", columns, [list(row.values()) for row in listed], none=f"Rien n'attend à {site}.")


@app.command()
def replay(
    site: Site,
    message: Annotated[str, typer.Argument(metavar="[MESSAGE]", help="Identifiant, comme dans ris messages list.")] = "",
    every: Annotated[bool, typer.Option("--all", help="Tout ce qui attend sur le site, le plus ancien d'abord.")] = False,
    reason: Annotated[str, typer.Option(help="Avec --all : seulement ceux de ce motif.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Avec --all : au plus ce nombre.")] = 100,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Avec --all : dire ce qui serait rejoué, sans rien écrire.")] = False,
    as_json: AsJson = False,
) -> None:
    """Appliquer de nouveau un message, ou tous ; dit s'ils le sont, ou pourquoi pas. Code de sortie 1 s'il en reste."""
    _check_site(site)
    if every == bool(message):
        raise typer.BadParameter("donner un MESSAGE, ou --all")
    if every:
        _replay_all(site, reason, limit, dry_run=dry_run, as_json=as_json)
    else:
        _replay_one(site, message, as_json=as_json)


def _replay_all(site: str, reason: str, limit: int, *, dry_run: bool, as_json: bool) -> None:
    """Replay what waits; each message leaves a record of its own."""
    from ris.application.agenda.parked_messages import Replayed
    from ris.bootstrap.intake import intake_services

    waiting = [entry for entry in intake_services().ledger.parked(site, limit=limit) if reason in ("", entry.reason)]
    done: list[Replayed] = []
    for entry in steps(waiting, "Rejeu", quiet=as_json):
        if dry_run:
            done.append(Replayed(entry, "" if entry.kind == "message" else "nothing_to_replay"))
            continue
        try:
            done.append(Replayed(_replayed(site, entry.entry_id)))
        except RisError as error:
            done.append(Replayed(entry, error.code))
    lines = [_shown(one.entry) | {"outcome": one.refusal or ("replay" if dry_run else one.entry.state.value)} for one in done]
    if as_json:
        show_json({"dry_run": dry_run, "rows": lines})
    else:
        columns = ("message", "reçu", "type", "émetteur", "état", "motif", "endroit", "suite")
        show_table(
            "Serait rejoué" if dry_run else "Rejoué", columns, [list(line.values()) for line in lines], none="Rien n'attend."
        )
        good = sum(line["outcome"] in ("replay", "applied") for line in lines)
        say(f"{good} sur {len(lines)} {'seraient rejoués' if dry_run else 'appliqués'}.")
    if not dry_run and any(line["outcome"] != "applied" for line in lines):
        raise typer.Exit(1)


def _replayed(site: str, message: str) -> LedgerEntry:
    from ris.application.agenda.parked_messages import replay_message
    from ris.bootstrap.intake import intake_services

    now = datetime.now(UTC)
    act = functools.partial(replay_message, intake_services(), site, message, operator(), now)
    return audited("replay_parked", site, message, act, now).entry


def _replay_one(site: str, message: str, *, as_json: bool) -> None:
    entry = _replayed(site, message)
    _tell(entry, as_json=as_json)
    if entry.state.value != "applied":
        raise typer.Exit(1)


@app.command()
def dismiss(site: Site, message: Message, yes: Yes = False, as_json: AsJson = False) -> None:
    """Retirer un message de la liste sans l'appliquer ; il reste au registre."""
    from ris.application.agenda.parked_messages import dismiss_message
    from ris.bootstrap.intake import intake_services

    _check_site(site)
    if not yes:
        typer.confirm(f"Retirer {message} de la liste de {site} sans l'appliquer ?", abort=True, err=True)
    now = datetime.now(UTC)
    act = functools.partial(dismiss_message, intake_services(), site, message, operator(), now)
    entry = audited("dismiss_parked", site, message, act, now)
    _tell(entry, as_json=as_json)


def _check_site(site: str) -> None:
    from ris.bootstrap.operator import reference_book

    need(*_TABLES)
    if reference_book().site(site) is None:
        raise InvalidInput("unknown_site", field="site")


def _tell(entry: LedgerEntry, *, as_json: bool) -> None:
    shown = _shown(entry)
    if as_json:
        show_json(shown)
    else:
        why = f" : {entry.reason} {entry.place}".rstrip() if entry.reason else ""
        say(f"{entry.entry_id} : {entry.state.value}{why}")


def _shown(entry: LedgerEntry) -> dict[str, str]:
    """Return what an operator needs to decide: whose message, of what kind, and what keeps it; nothing of its content."""
    return {
        "message": entry.entry_id,
        "received_at": entry.received_at.isoformat(timespec="seconds"),
        "type": entry.message_type,
        "sender": f"{entry.sending_application} {entry.sending_facility}".strip(),
        "state": entry.state.value,
        "reason": entry.reason,
        "place": entry.place,
    }
