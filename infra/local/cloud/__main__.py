"""`python -m infra.local.cloud`: deploys a template into a cloud of its own and serves it until its parent ends.

Prints `ready` once the state file is written; what stops the start is printed with its name, and the exit status is 1.
"""

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from infra.local.children import Children, follow_life_pipe
from infra.local.cloud.names import UnknownToTheLocalCloud
from infra.local.cloud.server import Options, run


def main() -> None:
    """Start, say so, and wait for the end."""
    follow_life_pipe()
    arguments = _arguments()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with Children() as children:
        try:
            state = run(_options(arguments), children)
        except UnknownToTheLocalCloud as error:
            sys.exit(f"the local cloud does not know: {error}")
        _write(arguments.state, json.dumps(state, indent=1))
        print("ready", flush=True)
        stop.wait()
        children.stop(0)
    os._exit(0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.local.cloud", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="file that gets the addresses, as JSON")
    parser.add_argument("--template", type=Path, required=True)
    parser.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="{portal_url} and {endpoint} are filled in"
    )
    parser.add_argument("--site-stack", type=Path, metavar="TEMPLATE")
    parser.add_argument("--site", action="append", default=[], metavar="NAME=VALUE,…", help="parameters of one site's stack")
    parser.add_argument("--portal-port", type=int, default=0)
    parser.add_argument("--scale", type=float, default=20.0, help="by how much waits are shortened")
    parser.add_argument("--rate-scale", type=float, default=20.0, help="by how much the rates of schedules are shortened")
    parser.add_argument("--retry-s", type=float, default=0.5, help="when a message whose function failed comes again")
    parser.add_argument("--no-schedules", action="store_true", help="rules fire only when a client says so")
    return parser.parse_args()


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        template=arguments.template.resolve(),
        parameters=_pairs(arguments.parameter),
        site_template=arguments.site_stack.resolve() if arguments.site_stack else None,
        sites=[_pairs(site.split(",")) for site in arguments.site],
        portal_port=arguments.portal_port,
        scale=arguments.scale,
        rate_scale=arguments.rate_scale,
        retry_s=arguments.retry_s,
        schedules=not arguments.no_schedules,
    )


def _pairs(entries: list[str]) -> dict[str, str]:
    return {name: value for name, _, value in (entry.partition("=") for entry in entries)}


def _write(path: Path, text: str) -> None:
    """Write a file that is whole as soon as it exists."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


if __name__ == "__main__":
    main()
