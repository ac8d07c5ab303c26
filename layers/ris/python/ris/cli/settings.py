"""Which deployment the command speaks to: environment variables, or a file with the stack's outputs that sets them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer

VARIABLES = {
    "TABLE_PATIENTS": "PatientsTable",
    "TABLE_AGENDA": "AgendaTable",
    "TABLE_EXAMS": "ExamsTable",
    "TABLE_MESSAGES": "MessagesTable",
    "TABLE_AUDIT": "AuditTable",
    "TABLE_REFERENCE": "ReferenceTable",
    "TABLE_SESSIONS": "SessionsTable",
    "TABLE_USAGE": "UsageTable",
    "BUCKET_MESSAGES": "MessagesBucket",
    "BOOKING_STATE_MACHINE_ARN": "BookingStateMachineArn",
    "DISPATCH_STATE_MACHINE_ARN": "ReportDispatchStateMachineArn",
    "GROUP_KEY_SECRET_ARN": "GroupKeySecretArn",
    "BUCKET_DOCUMENTS": "DocumentsBucket",
    "AUDIT_KEY_ID": "AuditKeyArn",
}
"""Variable to output of `template.yaml`."""

_PREFIXED = ("PatientsTable", "-patients")


def use_stack_outputs(path: Path) -> None:
    """Set the variables of this process from a file.

    Two shapes are understood: what `aws cloudformation describe-stacks` prints, and the embedded cloud's state file, which also names
    its endpoint. An endpoint is taken only on the loopback, with credentials that are none.

    Args:
        path: The file.

    Raises:
        typer.BadParameter: It cannot be read, or names no table.
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise typer.BadParameter(f"{path} : illisible ou n'est pas du JSON") from None
    outputs = _outputs(read)
    found = {name: outputs[output] for name, output in VARIABLES.items() if output in outputs}
    if "TABLE_REFERENCE" not in found:
        raise typer.BadParameter(f"{path} : aucune sortie ReferenceTable ; est-ce bien la pile du RIS ?")
    os.environ.update(found)
    output, suffix = _PREFIXED
    prefix = outputs.get(output, "").removesuffix(suffix)
    os.environ.update(SITE_QUEUE_PREFIX=prefix, SECRET_PREFIX=prefix, SIGN_KEY_ALIAS_PREFIX=f"alias/{prefix}-sign-")
    endpoint = read.get("endpoint")
    if endpoint:
        _use_endpoint(str(endpoint), str(read.get("region", "eu-west-3")), path)


def _outputs(read: Any) -> Mapping[str, str]:
    if not isinstance(read, dict):
        return {}
    stacks = read.get("Stacks")
    if isinstance(stacks, list) and stacks:
        listed = stacks[0].get("Outputs", [])
        return {str(one["OutputKey"]): str(one["OutputValue"]) for one in listed}
    outputs = read.get("outputs", {})
    return {str(name): str(value) for name, value in outputs.items()} if isinstance(outputs, dict) else {}


def _use_endpoint(endpoint: str, region: str, path: Path) -> None:
    if urlsplit(endpoint).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise typer.BadParameter(f"{path} : un nuage local doit être sur cette machine")
    os.environ.update(
        AWS_ENDPOINT_URL=endpoint,
        AWS_DEFAULT_REGION=region,
        AWS_ACCESS_KEY_ID="operator",
        AWS_SECRET_ACCESS_KEY="local",  # noqa: S106 - the embedded cloud checks none
    )
    os.environ.pop("AWS_SESSION_TOKEN", None)
    os.environ.pop("AWS_PROFILE", None)


def need(*variables: str) -> None:
    """Stop with a sentence that says how to name a deployment, unless these variables are set.

    Raises:
        typer.BadParameter: Some are not.
    """
    missing = [name for name in variables if not os.environ.get(name)]
    if missing:
        raise typer.BadParameter(
            f"aucun déploiement n'est nommé (il manque {', '.join(missing)}). "
            "Donner --stack-outputs FICHIER avant la sous-commande, ou ces variables d'environnement."
        )
