"""What the pages in Markdown promise a reader: links that lead somewhere, commands that can be typed. Read with markdown-it."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import click
import typer
from markdown_it import MarkdownIt
from markdown_it.token import Token

from ris.cli.app import build

ROOT = Path(__file__).resolve().parents[1]
_MARKDOWN = MarkdownIt("commonmark").enable("table")
_SEPARATORS = re.compile(r"\|\||&&|[|;]|\$\(|(?<!\S)#.*")
_MODULE = re.compile(r"(?:\S*/)?python3?")


def pages() -> list[Path]:
    """Return every page that git keeps, or would keep; every page of the tree where there is no git."""
    told = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = [ROOT / name for name in told.stdout.split("\0") if name] if told.returncode == 0 else list(ROOT.rglob("*.md"))
    outside = {".venv", "build", "node_modules"}
    return sorted(path for path in found if path.is_file() and not outside & set(path.relative_to(ROOT).parts))


@cache
def tokens(text: str) -> tuple[Token, ...]:
    """Return the tokens of a page, those inside of lines after their block."""
    found: list[Token] = []
    for token in _MARKDOWN.parse(text):
        found += [token, *(token.children or ())]
    return tuple(found)


def targets(text: str) -> list[str]:
    """Return what the links and pictures of a page point at."""
    attributes = [token.attrs.get("href") or token.attrs.get("src") for token in tokens(text)]
    return [str(target) for target in attributes if target]


def anchors(text: str) -> set[str]:
    """Return the fragments of a page's headings, as GitHub makes them: a second heading of the same words gets `-1`."""
    found: set[str] = set()
    blocks = tokens(text)
    for head, inside in pairwise(blocks):
        if head.type == "heading_open":
            words = "".join(child.content for child in inside.children or () if child.type in ("text", "code_inline"))
            slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            same = (slug, *(f"{slug}-{number}" for number in range(1, 100)))
            found.add(next(each for each in same if each not in found))
    return found


def dead_links(page: Path, text: str) -> list[str]:
    """Return the relative links of a page that lead to no file of the project, or to no heading of it."""
    return [target for target in targets(text) if not urlsplit(target).scheme and not _alive(page, text, target)]


def _alive(page: Path, text: str, target: str) -> bool:
    parts = urlsplit(target)
    file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not file.exists() or not file.is_relative_to(ROOT):
        return False
    if not parts.fragment:
        return True
    return file.suffix == ".md" and unquote(parts.fragment) in anchors(text if file == page else file.read_text("utf-8"))


def emphasised(text: str) -> list[str]:
    """Return the words of a page that stand in italics: in guides and runbooks, what the screen shows."""
    return [inside.content for head, inside in pairwise(tokens(text)) if head.type == "em_open"]


@cache
def screens() -> str:
    """Return everything the portal's pages are made of."""
    portal = ROOT / "layers" / "ris" / "python" / "ris" / "portal"
    return "\n".join(path.read_text("utf-8") for path in [*portal.rglob("*.html"), *portal.rglob("*.py")])


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command in a page's code, without what stands before it on the line (`.venv/bin/`, a variable)."""
    for token in tokens(text):
        if token.type in ("code_inline", "fence", "code_block"):
            for line in token.content.replace("\\\n", " ").splitlines():
                yield from _commands_of(line)


def _commands_of(line: str) -> Iterator[list[str]]:
    for part in _SEPARATORS.split(line):
        try:
            words = shlex.split(part)
        except ValueError:
            words = part.split()
        while words and (words[0] == "$" or re.fullmatch(r"[A-Z_]+=\S*", words[0])):
            words = words[1:]
        if words:
            yield words


def faults(words: list[str]) -> list[str]:
    """Return what is wrong with one command of ours: a target, a sub-command, an option, a module that does not exist."""
    first = words[0].removeprefix(".venv/bin/")
    if first == "make":
        return [f"make {word}" for word in words[1:] if re.fullmatch(r"[a-z][a-z-]*", word) and word not in make_targets()]
    if first == "ris":
        return _ris_faults(command_tree(), words[1:], "ris")
    if _MODULE.fullmatch(first) and words[1:2] == ["-m"] and words[2:] and words[2].startswith(("tests.", "infra.")):
        path = ROOT.joinpath(*words[2].split("."))
        return [] if path.with_suffix(".py").is_file() or (path / "__main__.py").is_file() else [f"python -m {words[2]}"]
    return []


@cache
def make_targets() -> frozenset[str]:
    """Return the Makefile's targets."""
    return frozenset(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text("utf-8")))


@cache
def command_tree() -> Any:
    """Return the operator's command with all its families."""
    return typer.main.get_command(build())


def help_texts() -> list[str]:
    """Return the help of the operator's command and of all below it."""

    def below(command: Any) -> Iterator[str]:
        yield command.help or ""
        for each in getattr(command, "commands", {}).values():
            yield from below(each)

    return list(below(command_tree()))


def _ris_faults(command: Any, words: list[str], said: str) -> list[str]:
    found: list[str] = []
    rest = [word.strip("[]") for word in words]
    while rest:
        word = rest.pop(0)
        families: dict[str, Any] | None = getattr(command, "commands", None)
        if word in (">", "2>", "…", "...", "&"):
            break
        if word.startswith("-"):
            option = _option(command, word.partition("=")[0])
            if option is None:
                found.append(f"{said} {word}")
            elif option != "flag" and "=" not in word:
                rest = rest[1:]
        elif families is not None:
            if word not in families:
                return [*found, f"{said} {word}"]
            command, said = families[word], f"{said} {word}"
    return found


def _option(command: Any, name: str) -> str | None:
    """Return `flag` or `value` for an option the command knows, or None."""
    if name == "--help":
        return "flag"
    known: list[click.Parameter] = [each for each in command.params if name in (*each.opts, *each.secondary_opts)]
    return next(("flag" if getattr(each, "is_flag", False) else "value" for each in known), None)
