"""How an answer is shown: a table for eyes, one JSON document for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

Item = TypeVar("Item")
AsJson = Annotated[bool, typer.Option("--json", help="Un document JSON au lieu d'un tableau.")]


def show_json(value: Any) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, none: str) -> None:
    """Print a table, or a sentence when there are no rows; text is shown as it is, never as markup."""
    console = Console(highlight=False, markup=False)
    if not rows:
        console.print(none)
        return
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def steps(items: Sequence[Item], label: str, *, quiet: bool) -> Iterator[Item]:
    """Go over items behind a progress bar on the error stream, so that what is printed stays clean.

    Args:
        items: What is gone over; the bar moves when the next one is asked for.
        label: Words before the bar.
        quiet: No bar: one JSON document is wanted. In a pipe there is none either.
    """
    console = Console(stderr=True)
    if quiet or not console.is_terminal or not items:
        yield from items
        return
    from rich.progress import track

    yield from track(items, description=label, console=console, transient=True)


def say(text: str) -> None:
    """Print one sentence."""
    typer.echo(text)
