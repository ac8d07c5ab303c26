"""What callers may do is read out of what is deployed, and compared with what they did."""

import json
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.cloud.client import Cloud
from infra.local.cloud.grants import Right, called, idle, missing, own, rights
from infra.local.cloud.names import ACCOUNT, REGION

QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:grants-work"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/grants"
FUNCTION = "GrantsFunction"


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}]}


@pytest.fixture(scope="module")
def granting(probe: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    """A stack with a function that reads a mapped queue and one table, and a policy for whoever holds it."""
    folder = tmp_path_factory.mktemp("grants")
    (folder / "handler.py").write_text("def act(event, context):\n    return event\n")
    role = [allow(["sqs:ReceiveMessage", "sqs:SendMessage"], {"Fn::GetAtt": ["Work", "Arn"]}), allow("dynamodb:GetItem", TABLE)]
    resources = {
        "Work": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "grants-work", "VisibilityTimeout": 60}},
        FUNCTION: {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "FunctionName": "grants",
                "Runtime": "python3.13",
                "CodeUri": str(folder),
                "Handler": "handler.act",
                "Policies": role,
            },
        },
        "Source": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {"FunctionName": {"Ref": FUNCTION}, "EventSourceArn": {"Fn::GetAtt": ["Work", "Arn"]}, "Enabled": False},
        },
        "Holder": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "ManagedPolicyName": "grants-holder",
                "PolicyDocument": allow("sqs:SendMessage", {"Fn::GetAtt": ["Work", "Arn"]}),
            },
        },
    }
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Transform": "AWS::Serverless-2016-10-31", "Resources": resources}
    (folder / "template.json").write_text(json.dumps(template))
    probe.deploy("grants", folder / "template.json")
    return probe


def test_a_functions_grants_are_its_roles_without_what_its_mapping_reads(granting: Cloud) -> None:
    assert granting.grants()[FUNCTION] == {Right("sqs:SendMessage", QUEUE), Right("dynamodb:GetItem", TABLE)}
    assert granting.grants()["grants-holder"] == {Right("sqs:SendMessage", QUEUE)}


def test_a_call_that_is_not_granted_is_found_by_its_caller_and_one_of_a_test_is_not_looked_at(granting: Cloud) -> None:
    url = granting.client("sqs").get_queue_url(QueueName="grants-work")["QueueUrl"]
    granting.client("sqs", "grants-holder").send_message(QueueUrl=url, MessageBody="granted")
    assert "grants-holder" not in granting.refused()

    granting.client("sqs", "grants-holder").purge_queue(QueueUrl=url)
    with suppress(ClientError):  # there is no such table: what is asked for counts, not what is answered
        granting.client("dynamodb", FUNCTION).query(TableName="grants", IndexName="due", KeyConditionExpression="x")

    assert granting.refused()["grants-holder"] == {Right("sqs:PurgeQueue", QUEUE)}
    assert granting.refused()[FUNCTION] == {Right("dynamodb:Query", f"{TABLE}/index/due")}


def test_a_grant_that_nothing_uses_is_idle_and_one_with_a_star_serves_every_name() -> None:
    grants = rights(allow(["sqs:SendMessage"], [QUEUE, QUEUE.replace("work", "*-feed")]))
    calls = called([{"caller": "f", "action": "sqs:SendMessage", "resource": "grants-nord-feed", "count": 1}], "f")

    assert missing(grants, calls) == set()
    assert idle(grants, calls) == {Right("sqs:SendMessage", QUEUE)}
    assert own(grants, {QUEUE}) == grants


def test_a_key_is_the_same_by_its_alias_and_a_secret_whatever_was_added_to_its_name() -> None:
    alias = {"Condition": {"ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/ris-sign-*"}}}
    key = called([{"caller": "f", "action": "kms:Sign", "resource": "ris-sign-1", "count": 1}], "f")
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:ris/key"
    read = called([{"caller": "f", "action": "secretsmanager:GetSecretValue", "resource": "ris/key-x1Y2z3", "count": 1}], "f")

    assert missing(rights(allow("kms:Sign", "*", **alias)), key) == set()
    assert missing(rights(allow("secretsmanager:GetSecretValue", f"{secret}-??????")), read) == set()


@pytest.fixture(scope="module")
def sealing(probe: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Cloud:
    """A stack with two keys, each with an alias, and a policy that grants the first by its ARN."""
    policy = {"Version": "2012-10-17", "Statement": []}
    resources: dict[str, Any] = {
        "Holder": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "ManagedPolicyName": "sealing-holder",
                "PolicyDocument": allow(["kms:Decrypt", "kms:GenerateDataKey"], {"Fn::GetAtt": ["Mine", "Arn"]}),
            },
        }
    }
    for name in ("Mine", "Other"):
        alias = {"AliasName": f"alias/sealing-{name.lower()}", "TargetKeyId": {"Ref": name}}
        resources |= {name: {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}}}
        resources |= {f"{name}Alias": {"Type": "AWS::KMS::Alias", "Properties": alias}}
    file = tmp_path_factory.mktemp("sealing") / "template.json"
    file.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}))
    probe.deploy("sealing", file)
    return probe


def test_a_key_granted_by_its_arn_is_the_one_that_calls_name_by_alias_by_arn_or_by_what_it_sealed(sealing: Cloud) -> None:
    kms = sealing.client("kms", "sealing-holder")
    made = kms.generate_data_key(KeyId="alias/sealing-mine", KeySpec="AES_256")
    kms.generate_data_key(KeyId=made["KeyId"], KeySpec="AES_256")
    kms.decrypt(CiphertextBlob=made["CiphertextBlob"])

    seen = called(sealing.calls(), "sealing-holder")
    assert "sealing-holder" not in sealing.refused()
    assert idle(sealing.grants()["sealing-holder"], seen) == set()

    other = sealing.client("kms").generate_data_key(KeyId="alias/sealing-other", KeySpec="AES_256")
    kms.decrypt(CiphertextBlob=other["CiphertextBlob"])
    with suppress(ClientError):
        kms.decrypt(CiphertextBlob=b"no key of ours sealed this, and it is long enough for one")

    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/"
    assert Right("kms:Decrypt", f"{key}sealing-other") in sealing.refused()["sealing-holder"]
    assert len(sealing.refused()["sealing-holder"]) == 2
