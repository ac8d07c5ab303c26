"""One secret of Secrets Manager as text."""

from __future__ import annotations

from typing import Any

from ris.adapters.dynamodb import by_who_must_act


def secret_text(client: Any, name: str, *, stage: str = "") -> str:
    """Return the text of a secret.

    Args:
        client: `boto3.client("secretsmanager")`.
        name: Name or ARN.
        stage: Of the version; empty for the one that stands.

    Raises:
        LookupError: There is none, or nothing was put in yet.
        RemoteUnavailable: `cloud_unavailable`.
    """
    from botocore.exceptions import ClientError

    version = {"VersionStage": stage} if stage else {}
    with by_who_must_act():
        try:
            return str(client.get_secret_value(SecretId=name, **version)["SecretString"])
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
                raise LookupError(name) from None
            raise
