"""`python -m gateways.edge --config FILE`: the process of one gateway."""

from __future__ import annotations

import typer

from gateways.edge.cli import run

if __name__ == "__main__":
    typer.run(run)
