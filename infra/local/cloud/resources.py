"""The resource types of our templates that moto does not know."""

import json
import secrets
import string
import uuid
from typing import Any

from moto.secretsmanager.models import secretsmanager_backends

from infra.local.cloud.api_front import ApiFront
from infra.local.cloud.cloudformation import Attributes, plugin
from infra.local.cloud.names import ACCOUNT, REGION, UnknownToTheLocalCloud

_WITHOUT_EFFECT = ("AWS::Logs::MetricFilter", "AWS::S3::BucketPolicy", "AWS::SNS::Subscription")
"""Types that change nothing here: no access is checked, no alarm is evaluated, nobody is called."""

_GENERATED = {"PasswordLength", "ExcludePunctuation", "ExcludeCharacters"}


def install(front: ApiFront) -> None:
    """Teach moto these types."""
    plugin("AWS::SecretsManager::Secret", _secret)
    for kind in ("Alarm", "CompositeAlarm"):
        plugin(f"AWS::CloudWatch::{kind}", _alarm, "AlarmName")
    plugin("AWS::ApiGatewayV2::Api", front.deploy)
    plugin("AWS::ApiGatewayV2::Stage", front.deploy_stage, "StageName")
    for name in _WITHOUT_EFFECT:
        plugin(name, _nothing)


def _nothing(_logical_id: str, name: str, _properties: dict[str, Any]) -> tuple[str, Attributes]:
    return name, {}


def _alarm(_logical_id: str, name: str, _properties: dict[str, Any]) -> tuple[str, Attributes]:
    """Keep an alarm without evaluating it."""
    return name, {"Arn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"}


def _secret(_logical_id: str, name: str, properties: dict[str, Any]) -> tuple[str, Attributes]:
    described = secretsmanager_backends[ACCOUNT][REGION].create_secret(
        name=name,
        secret_string=_secret_string(properties),
        secret_binary=None,
        description=properties.get("Description"),
        tags=properties.get("Tags", []),
        kms_key_id=properties.get("KmsKeyId"),
        client_request_token=str(uuid.uuid4()),
        replica_regions=[],
        force_overwrite=False,
    )
    arn = json.loads(described)["ARN"]
    return arn, {"Id": arn}


def _secret_string(properties: dict[str, Any]) -> str | None:
    """Return the first value: the template's, a generated one, or none yet."""
    if "GenerateSecretString" not in properties:
        value: str | None = properties.get("SecretString")
        return value
    wish = properties["GenerateSecretString"]
    if unknown := wish.keys() - _GENERATED:
        raise UnknownToTheLocalCloud(f"property {sorted(unknown)[0]} of GenerateSecretString")
    letters = string.ascii_letters + string.digits + ("" if wish.get("ExcludePunctuation") else string.punctuation)
    allowed = [letter for letter in letters if letter not in wish.get("ExcludeCharacters", "")]
    return "".join(secrets.choice(allowed) for _ in range(int(wish.get("PasswordLength", 32))))
