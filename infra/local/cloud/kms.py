"""KMS keys from a template keep the kind that was asked for; moto makes all symmetric and stores a policy it cannot return.

A key is named by its alias, whoever names it: policies grant keys by ARN or alias, calls name them by either or by what they sealed.
"""

import base64
import binascii
import json
from typing import Any

from moto.kms.models import Key, kms_backends
from moto.kms.utils import KEY_ID_LEN

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


def name_of(key: str) -> str:
    """Return a key's alias without `alias/`, its id when it has none.

    Args:
        key: Id, ARN, alias or ARN of an alias.
    """
    last = key.rsplit("/", 1)[-1]
    found = kms_backends[ACCOUNT][REGION].keys.get(last)
    return min(found.aliases, default=last).removeprefix("alias/") if found else last


def sealed_with(ciphertext: str) -> str:
    """Return the name of the key that sealed this (base64), empty when nothing of ours did: moto writes the key's id in front."""
    try:
        return name_of(base64.b64decode(ciphertext)[:KEY_ID_LEN].decode("ascii"))
    except (binascii.Error, UnicodeDecodeError):
        return ""
