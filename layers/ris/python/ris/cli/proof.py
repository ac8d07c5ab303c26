"""`ris proof`: which tests show a requirement of the Ségur, and which documents speak of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from ris.cli.output import AsJson, say, show_json, show_table

_ROW = re.compile(r"\| ([A-Z]+\.[0-9]{2}) \| (.*?) \| (.*) \|")
_FILE = re.compile(r"\[[^\]]*\]\(\.\./(tests/[^)]+)\): (.*)")
_ID = re.compile(r"[A-Z]{2,5}\.[0-9]{2}")
HELP = """Dire quels tests montrent une exigence du Ségur, et quels documents en parlent. Exemple : [cyan]ris proof CRR.02[/cyan].

Se lit dans les sources du RIS : [cyan]docs/requirements.md[/cyan], que les marqueurs des tests engendrent."""


def proof(
    requirement: Annotated[str, typer.Argument(metavar="EXIGENCE", help="Identifiant, comme CRR.02 ; vide : toutes.")] = "",
    root: Annotated[Path, typer.Option(help="Dossier des sources ; celui où l'on est, ou un dossier au-dessus.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Say what shows a requirement, or all of them; status 1 when nothing does."""
    if requirement and not _ID.fullmatch(requirement):
        raise typer.BadParameter(f"{requirement} : un identifiant comme CRR.02")
    sources = _sources(root.resolve())
    found = [each for each in _listed(sources) if requirement in ("", each["requirement"])]
    if not found:
        raise typer.BadParameter(f"{requirement} : pas une exigence de la liste")
    if requirement:
        found[0]["documents"] = _documents(sources, requirement)
    if as_json:
        show_json(found[0] if requirement else found)
    elif requirement:
        _tell(found[0])
    else:
        rows = [(each["requirement"], each["title"], str(len(each["tests"])) or "") for each in found]
        show_table("Exigences", ("exigence", "ce qu'elle demande", "tests"), rows, none="Aucune exigence.")
    if requirement and not found[0]["tests"]:
        raise typer.Exit(1)


def _sources(folder: Path) -> Path:
    for place in (folder, *folder.parents):
        if (place / "docs" / "requirements.md").is_file():
            return place
    raise typer.BadParameter(f"{folder} : pas un dossier des sources du RIS (docs/requirements.md manque) ; donner --root")


def _listed(sources: Path) -> list[dict[str, Any]]:
    lines = (sources / "docs" / "requirements.md").read_text("utf-8").splitlines()
    rows = [found for line in lines if (found := _ROW.fullmatch(line))]
    return [{"requirement": row[1], "title": row[2], "tests": _tests(row[3])} for row in rows]


def _tests(cell: str) -> list[str]:
    """Return the tests of a row, as pytest names them."""
    parts = [found for part in cell.split("<br>") if (found := _FILE.fullmatch(part))]
    return [
        f"{part[1]}::test_{name.replace(' ', '_')}" if name != "all of it" else part[1]
        for part in parts
        for name in re.findall(r"`([^`]+)`", part[2]) or ["all of it"]
    ]


def _documents(sources: Path, requirement: str) -> list[str]:
    """Return where else the documents name it."""
    found = []
    for path in sorted((sources / "docs").rglob("*.md")):
        if path.name == "requirements.md":
            continue
        lines = path.read_text("utf-8").splitlines()
        found += [f"{path.relative_to(sources).as_posix()}:{number}" for number, line in enumerate(lines, 1) if requirement in line]
    return found


def _tell(each: dict[str, Any]) -> None:
    say(f"{each['requirement']} : {each['title']}")
    if not each["tests"]:
        say("Aucun test ne la montre encore.")
        return
    for test in each["tests"]:
        say(f"  {test}")
    for place in each["documents"]:
        say(f"  {place}")
    files = " ".join(dict.fromkeys(test.partition("::")[0] for test in each["tests"]))
    say(f"Les rejouer : .venv/bin/python -m pytest {files}")
