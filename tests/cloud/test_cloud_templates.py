"""What a template says is what is deployed; what the cloud does not do stops it, with its name."""

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from infra.local.cloud.client import Cloud, CloudDidNotStart, CloudRefused, start_cloud


def template(folder: Path, resources: object, **sections: object) -> Path:
    path = folder / "template.json"
    path.write_text(json.dumps({"Resources": resources, **sections}))
    return path


QUEUE = {"Type": "AWS::SQS::Queue"}


def test_a_nested_stack_is_expanded_and_its_outputs_are_used(probe: Cloud) -> None:
    # moto: GetAtt Child.Outputs.X crashes, and TemplateURL must be an S3 address; Sub cuts the attribute after "Outputs".
    environment = probe.function_env("EchoFunction")
    assert environment["TABLE"] == "probe-table"
    assert environment["WORDS"] == "one and two"


def test_a_table_is_complete(probe: Cloud) -> None:
    # moto: TTL and point-in-time recovery are ignored.
    dynamodb = probe.client("dynamodb")
    assert dynamodb.describe_time_to_live(TableName="probe-table")["TimeToLiveDescription"]["AttributeName"] == "expires_at"
    backups = dynamodb.describe_continuous_backups(TableName="probe-table")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_bucket_keeps_versions(probe: Cloud) -> None:
    # moto: VersioningConfiguration is ignored.
    s3 = probe.client("s3")
    for body in (b"1", b"2"):
        s3.put_object(Bucket=probe.outputs["Bucket"], Key="k", Body=body)
    assert len(s3.list_object_versions(Bucket=probe.outputs["Bucket"], Prefix="k")["Versions"]) == 2


def test_a_key_is_of_the_kind_that_was_asked_for(probe: Cloud) -> None:
    # moto: KeySpec and KeyUsage are ignored, every key is symmetric; the policy is kept so that DescribeKey answers 500.
    kms, key = probe.client("kms"), probe.outputs["SignKeyId"]
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeySpec"] == "RSA_2048"
    assert "kms:*" in kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    signed = kms.sign(KeyId=key, Message=b"text", MessageType="RAW", SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256")["Signature"]
    public = load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    public.verify(signed, b"text", PKCS1v15(), SHA256())


def test_a_secret_is_generated(probe: Cloud) -> None:
    # moto: the type is unknown.
    secret = probe.client("secretsmanager").get_secret_value(SecretId=probe.outputs["SecretArn"])["SecretString"]
    assert len(secret) == 40
    assert secret.isalnum()


def test_a_queue_s_reference_is_an_address_that_answers(probe: Cloud) -> None:
    # moto: Ref of a queue is an address of AWS.
    attributes = probe.client("sqs").get_queue_attributes(QueueUrl=probe.outputs["PlainQueueUrl"], AttributeNames=["QueueArn"])
    assert attributes["Attributes"]["QueueArn"].endswith(":probe-plain.fifo")
    assert probe.outputs["PlainQueueUrl"].startswith(probe.endpoint)


def test_what_is_behind_a_false_condition_is_not_made(probe: Cloud) -> None:
    resources = probe.client("cloudformation").describe_stack_resources(StackName="ris")["StackResources"]
    assert "Domain" not in {resource.get("LogicalResourceId") for resource in resources}


def test_an_unknown_resource_type_stops_the_start(tmp_path: Path) -> None:
    # moto: a warning, and a Ref to it vanishes silently.
    path = template(tmp_path, {"Camera": {"Type": "AWS::KinesisVideo::Stream"}})
    with pytest.raises(CloudDidNotStart, match="resource type AWS::KinesisVideo::Stream"), start_cloud(tmp_path, path):
        pass


BAD = {
    "resource type AWS::EC2::VPC": {"V": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}},
    "reference to Missing": {"A": {**QUEUE, "Properties": {"QueueName": {"Ref": "Missing"}}}},
    "attribute Colour of AWS::SecretsManager::Secret": {
        "S": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "colour"}},
        "A": {**QUEUE, "Properties": {"QueueName": {"Fn::GetAtt": ["S", "Colour"]}}},
    },
    "property CorsConfiguration of the bucket B": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"CorsConfiguration": {}}}},
    "path /opt/fonts, which no layer of the function holds": {
        "R": {
            "Type": "AWS::IAM::Role",
            "Properties": {"RoleName": "fontless", "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
        },
        "F": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "FunctionName": "fontless",
                "Handler": "handler.handler",
                "Role": {"Fn::GetAtt": ["R", "Arn"]},
                "Runtime": "python3.13",
                "Code": {"S3Bucket": "b", "S3Key": "k"},
                "Environment": {"Variables": {"FONTS": "/opt/fonts"}},
            },
        },
    },
    "property StreamSpecification of the table T": {
        "T": {"Type": "AWS::DynamoDB::Table", "Properties": {"StreamSpecification": {}}}
    },
    "schedule cron(0 6 * * ? *)": {"R": {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "cron(0 6 * * ? *)"}}},
    "property EventPattern of the rule R": {"R": {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {}}}},
    "${Left} in the definition of M": {
        "M": {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": '{"StartAt": "${Left}"}'}}
    },
    "substitution Unused of M": {
        "M": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {"DefinitionString": "{}", "DefinitionSubstitutions": {"Unused": "1"}},
        }
    },
}


@pytest.mark.parametrize("named", BAD)
def test_what_would_vanish_silently_stops_the_deployment(probe: Cloud, tmp_path: Path, named: str) -> None:
    with pytest.raises(CloudRefused) as refused:
        probe.deploy(f"bad-{list(BAD).index(named)}", template(tmp_path, BAD[named]))
    assert named in str(refused.value)


def test_parameters_are_checked(probe: Cloud, tmp_path: Path) -> None:
    # moto: an unknown parameter is ignored, an allowed value is not checked.
    path = template(tmp_path, {"Q": QUEUE}, Parameters={"Size": {"Type": "String", "AllowedValues": ["small"]}})
    for parameters, named in (({}, "Size"), ({"Size": "large"}, "large"), ({"Size": "small", "Colour": "red"}, "Colour")):
        with pytest.raises(CloudRefused, match=named):
            probe.deploy("parameters", path, parameters)
    assert probe.deploy("parameters", path, {"Size": "small"}) == {}


def test_a_layer_folder_that_holds_nothing_stops_the_deployment(probe: Cloud, tmp_path: Path) -> None:
    (tmp_path / "layer").mkdir()
    (tmp_path / "code").mkdir()
    resources = {
        "L": {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "layer"}},
        "F": {
            "Type": "AWS::Serverless::Function",
            "Properties": {"CodeUri": "code", "Handler": "a.b", "Runtime": "python3.13", "Layers": [{"Ref": "L"}]},
        },
    }
    path = template(tmp_path, resources, Transform="AWS::Serverless-2016-10-31")
    with pytest.raises(CloudRefused, match="neither a python folder nor requirements"):
        probe.deploy("layers", path)


def test_a_stack_can_be_deployed_more_than_once(probe: Cloud, tmp_path: Path) -> None:
    # One site is one stack of the same template.
    resources = {"Q": {**QUEUE, "Properties": {"QueueName": {"Fn::Sub": "${Site}-feed"}}}}
    path = template(tmp_path, resources, Parameters={"Site": {"Type": "String"}}, Outputs={"Url": {"Value": {"Ref": "Q"}}})
    urls = {probe.deploy(f"site-{site}", path, {"Site": site})["Url"] for site in ("a", "b")}
    assert len(urls) == 2


def test_what_does_not_exist_is_an_error_of_aws(probe: Cloud) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        probe.client("lambda").invoke(FunctionName="nothing", Payload=b"{}")
