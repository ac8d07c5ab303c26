"""KMS keys from a template keep the kind that was asked for; moto makes all symmetric and stores a policy it cannot return."""

import json
from typing import Any

from moto.kms.models import Key, kms_backends

from infra.local.cloud.names import ACCOUNT, REGION


def install() -> None:
    """Replace how a key is made from a template."""
    Key.create_from_cloudformation_json = classmethod(_create)


def _create(_cls: type, _name: str, cloudformation_json: dict[str, Any], *_: Any, **__: Any) -> Key:
    properties = cloudformation_json["Properties"]
    key = kms_backends[ACCOUNT][REGION].create_key(
        json.dumps(properties["KeyPolicy"]),
        properties.get("KeyUsage", "ENCRYPT_DECRYPT"),
        properties.get("KeySpec", "SYMMETRIC_DEFAULT"),
        properties.get("Description", ""),
        properties.get("Tags", []),
    )
    key.key_rotation_status = properties.get("EnableKeyRotation", False)
    key.enabled = properties.get("Enabled", True)
    return key
