"""The operator's command `ris`. Never imported by a function: typer and rich are on the operator's machine only."""

from __future__ import annotations


def main() -> None:
    """Run the command."""
    from ris.cli.app import run

    run()
