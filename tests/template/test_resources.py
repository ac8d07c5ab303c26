"""What is deployed, counted on the expanded template (figures I4 to I9)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ris.domain.access.certificates import ALERTS_DAYS, KINDS
from ris.observability.logs import LogFields
from tests.support.stacks import ROOT, Resource, Stack, legal_entity, site, tenant

KEY = tenant().nested["Security"].resources["DataKey"].arn
ALIAS = "alias/ris-demo-data"
LOGGED = ["requestId", "requestTimeEpoch", "identity.sourceIp", "httpMethod", "path", "status", "responseLatency", "responseLength"]
LOGGED += ["integrationErrorMessage"]
STACKS = [pytest.param(tenant(), id="tenant"), pytest.param(site(), id="site"), pytest.param(legal_entity(), id="legal entity")]


def every(kind: str) -> list[Any]:
    stacks = (tenant(), site(), legal_entity())
    return [pytest.param(resource, id=resource.logical_id) for stack in stacks for resource in stack.all(kind)]


def functions() -> list[Any]:
    return every("AWS::Lambda::Function")


@pytest.mark.parametrize("table", every("AWS::DynamoDB::Table"))
def test_a_table_is_encrypted_restorable_and_protected(table: Resource) -> None:
    properties = table.properties

    assert properties["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert properties["DeletionProtectionEnabled"] is True
    assert "Retain" == table.attributes["DeletionPolicy"] == table.attributes["UpdateReplacePolicy"]
    assert properties["BillingMode"] == "PAY_PER_REQUEST"


def test_a_demo_can_be_thrown_away() -> None:
    assert not any(table.properties["DeletionProtectionEnabled"] for table in tenant("demo").all("AWS::DynamoDB::Table"))


def test_the_tables_are_those_of_the_design_each_with_the_keys_the_adapters_use() -> None:
    tables = {
        table.properties["TableName"].removeprefix("ris-demo-"): table.properties for table in tenant().all("AWS::DynamoDB::Table")
    }

    assert {"patients", "agenda", "exams", "messages", "audit", "usage", "reference", "sessions"} == set(tables)
    for properties in tables.values():
        assert [(key["AttributeName"], key["KeyType"]) for key in properties["KeySchema"]] == [("pk", "HASH"), ("sk", "RANGE")]
    indexes = {name: properties.get("GlobalSecondaryIndexes", []) for name, properties in tables.items()}
    named = {name: " ".join(sorted(index["IndexName"] for index in found)) for name, found in indexes.items() if found}
    assert {"patients": "due", "exams": "due mine reading stuck", "messages": "due", "usage": "file"} == named
    for index in (index for found in indexes.values() for index in found):
        assert index["Projection"]["ProjectionType"] == "ALL"
        assert [key["AttributeName"] for key in index["KeySchema"]] == [f"{index['IndexName']}_{end}" for end in ("pk", "at")]
    assert tables["sessions"]["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert [name for name, properties in tables.items() if "TimeToLiveSpecification" in properties] == ["sessions"]


@pytest.mark.parametrize("bucket", every("AWS::S3::Bucket"))
def test_a_bucket_is_encrypted_versioned_private_and_speaks_tls_only(bucket: Resource) -> None:
    properties = bucket.properties
    (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    policy = tenant().named("AWS::S3::BucketPolicy", Bucket=bucket.reference).properties["PolicyDocument"]["Statement"]

    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    assert properties["VersioningConfiguration"]["Status"] == "Enabled"
    assert all(properties["PublicAccessBlockConfiguration"].values())
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert bucket.attributes["DeletionPolicy"] == "Retain"
    (deny,) = [s for s in policy if s["Effect"] == "Deny" and s["Condition"] == {"Bool": {"aws:SecureTransport": False}}]
    assert ("*", "s3:*", [bucket.arn, f"{bucket.arn}/*"]) == (deny["Principal"], deny["Action"], deny["Resource"])


@pytest.mark.parametrize("queue", every("AWS::SQS::Queue"))
def test_a_queue_is_encrypted_and_its_failures_land_somewhere_that_alarms(queue: Resource) -> None:
    stack = tenant() if queue.stack else site()
    dead = {r.arn: r for r in stack.all("AWS::SQS::Queue") if r.logical_id.endswith("DeadLetterQueue")}
    watched = json.dumps([alarm.properties["Metrics"] for alarm in stack.all("AWS::CloudWatch::Alarm")])

    assert queue.properties["KmsMasterKeyId"] in (KEY, ALIAS)
    assert queue.properties["MessageRetentionPeriod"] == 1209600
    if queue.arn in dead:
        assert f'"Value": "{queue.properties["QueueName"]}"' in watched
    else:
        target = dead[queue.properties["RedrivePolicy"]["deadLetterTargetArn"]]
        assert 3 <= queue.properties["RedrivePolicy"]["maxReceiveCount"] <= 20
        assert queue.logical_id.removesuffix("Queue") + "DeadLetterQueue" == target.logical_id
        assert queue.properties.get("FifoQueue") == target.properties.get("FifoQueue")
    if queue.properties.get("FifoQueue"):
        assert queue.properties["QueueName"].endswith(".fifo")
        # Deduplication is by an explicit id: by content, a corrected resend would be dropped for five minutes.
        assert queue.properties.get("ContentBasedDeduplication", False) is False


@pytest.mark.parametrize("mapping", every("AWS::Lambda::EventSourceMapping"))
def test_an_event_source_reports_single_failures_and_waits_six_timeouts(mapping: Resource) -> None:
    queue = next(q for q in tenant().all("AWS::SQS::Queue") if q.arn == mapping.properties["EventSourceArn"])
    function = tenant().named("AWS::Lambda::Function", FunctionName=mapping.properties["FunctionName"])

    assert mapping.properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert queue.properties["VisibilityTimeout"] >= 6 * function.properties["Timeout"]
    # A batch of a FIFO queue drags neighbours of its group and other groups into the dead letters.
    assert mapping.properties["BatchSize"] == 1 or not queue.properties.get("FifoQueue")


@pytest.mark.parametrize("function", functions())
def test_a_function_says_how_long_how_big_how_many_and_where_it_logs(function: Resource) -> None:
    properties = function.properties
    group = tenant().named("AWS::Logs::LogGroup", LogGroupName=properties["LoggingConfig"]["LogGroup"])

    assert (properties["Runtime"], properties["Architectures"]) == ("python3.13", ["arm64"])
    # An extract of the whole country is taken up by nobody who waits.
    assert 0 < properties["Timeout"] <= (900 if function.logical_id == "ImportDirectoryFunction" else 120)
    assert properties["MemorySize"] >= 256
    assert properties["ReservedConcurrentExecutions"] >= 1
    assert properties["TracingConfig"]["Mode"] == "Active"
    assert f"/aws/lambda/{properties['FunctionName']}" == group.properties["LogGroupName"]


def test_no_two_functions_share_a_log_group() -> None:
    groups = [function.properties["LoggingConfig"]["LogGroup"] for function in tenant().all("AWS::Lambda::Function")]

    assert len(groups) == len(set(groups))


def test_reserved_concurrency_leaves_the_account_its_hundred() -> None:
    reserved = sum(f.properties["ReservedConcurrentExecutions"] for f in tenant().all("AWS::Lambda::Function"))

    assert reserved <= 900
    assert not any("ReservedConcurrentExecutions" in f.properties for f in tenant("demo").all("AWS::Lambda::Function"))


@pytest.mark.parametrize("group", every("AWS::Logs::LogGroup"))
def test_a_log_group_is_encrypted_and_forgets(group: Resource) -> None:
    assert group.properties["KmsKeyId"] == KEY
    assert 30 <= int(group.properties["RetentionInDays"]) <= 3653


@pytest.mark.parametrize("secret", every("AWS::SecretsManager::Secret"))
def test_a_secret_is_encrypted_and_its_value_is_in_no_template(secret: Resource) -> None:
    assert secret.properties["KmsKeyId"] in (KEY, ALIAS)
    assert "SecretString" not in secret.properties


def test_what_is_signed_and_kept_can_be_neither_replaced_nor_deleted() -> None:
    properties = tenant().nested["Storage"].resources["DocumentsBucket"].properties
    lock = properties["ObjectLockConfiguration"]

    assert properties["ObjectLockEnabled"] is True
    assert lock["ObjectLockEnabled"] == "Enabled"
    assert lock["Rule"]["DefaultRetention"] == {"Mode": "GOVERNANCE", "Days": "7300"}
    # What the lock keeps no lifecycle may end.
    assert {key for rule in properties["LifecycleConfiguration"]["Rules"] for key in rule} == {
        "Id",
        "Status",
        "AbortIncompleteMultipartUpload",
    }


@pytest.mark.parametrize("key", every("AWS::KMS::Key"))
def test_a_key_outlives_its_stack(key: Resource) -> None:
    assert "Retain" == key.attributes["DeletionPolicy"] == key.attributes["UpdateReplacePolicy"]
    assert key.properties["PendingWindowInDays"] == 30


def test_a_legal_entity_signs_with_a_key_of_its_own_that_it_is_found_by() -> None:
    key = legal_entity().named("AWS::KMS::Key").properties
    alias = legal_entity().named("AWS::KMS::Alias").properties
    names = {secret.properties["Name"] for secret in legal_entity().all("AWS::SecretsManager::Secret")}

    assert (key["KeySpec"], key["KeyUsage"]) == ("RSA_2048", "SIGN_VERIFY")
    assert alias == {"AliasName": "alias/ris-demo-sign-990000017", "TargetKeyId": "SignKey"}
    assert names == {f"ris-demo/legal-entity/990000017/{kind}" for kind in KINDS}


def test_the_data_key_turns_and_the_topic_is_encrypted() -> None:
    assert tenant().nested["Security"].resources["DataKey"].properties["EnableKeyRotation"] is True
    assert {alias.properties["AliasName"] for alias in tenant().all("AWS::KMS::Alias")} == {ALIAS, "alias/ris-demo-audit"}
    assert tenant().named("AWS::SNS::Topic").properties["KmsMasterKeyId"] == KEY


def test_silence_is_an_alarm_where_something_must_run() -> None:
    alarms = {alarm.logical_id: alarm.properties for alarm in tenant().all("AWS::CloudWatch::Alarm")}
    topic = tenant().named("AWS::SNS::Topic").reference

    (dead,) = (each for each in site().all("AWS::CloudWatch::Alarm") if each.logical_id == "DeadLettersAlarm")
    assert [topic] == dead.properties["AlarmActions"]
    # A schedule that never runs sends no figure at all: that is the case these are there for.
    assert {name for name, alarm in alarms.items() if alarm["TreatMissingData"] == "breaching"} == {
        "OverdueSweepAlarm",
        "UnsealedAuditAlarm",
        "UnwatchedCertificatesAlarm",
        "UncountedUsageAlarm",
        "UnreadMailboxesAlarm",
        "StaleDirectoryAlarm",
    }
    assert {name for name, alarm in alarms.items() if alarm["TreatMissingData"] == "notBreaching"} == {
        "OldestMessageAlarm",
        "DeadLettersAlarm",
        "OpenBreakerAlarm",
        "StuckRowsAlarm",
        "SilentGatewayAlarm",
        "RevocationAlarm",
        *(f"Certificates{days}DaysAlarm" for days in ALERTS_DAYS),
    }


@pytest.mark.parametrize("days", ALERTS_DAYS)
def test_a_certificate_is_told_of_at_each_of_its_alerts(days: int) -> None:
    alarm = tenant().nested["Monitoring"].resources[f"Certificates{days}DaysAlarm"].properties
    (metric,) = alarm["Metrics"]

    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanOrEqualToThreshold", days)
    assert (metric["MetricStat"]["Stat"], metric["MetricStat"]["Period"]) == ("Minimum", 86400)


@pytest.mark.parametrize("stack", STACKS)
def test_an_alarm_watches_things_that_exist(stack: Stack) -> None:
    names = {r.properties.get("QueueName") for r in stack.all("AWS::SQS::Queue")}
    names |= {r.properties["FunctionName"] for r in stack.all("AWS::Lambda::Function")}

    for alarm in stack.all("AWS::CloudWatch::Alarm"):
        watched = [
            dimension["Value"]
            for metric in alarm.properties["Metrics"]
            if "MetricStat" in metric
            for dimension in metric["MetricStat"]["Metric"].get("Dimensions", [])
            if dimension["Name"] != "Site"
        ]
        assert set(watched) <= names
        assert watched or {metric["MetricStat"]["Metric"]["Namespace"] for metric in alarm.properties["Metrics"]} == {
            "RIS/ris-demo"
        }


@pytest.mark.parametrize("figure", every("AWS::Logs::MetricFilter"))
def test_a_figure_is_counted_from_a_line_its_function_logs_and_an_alarm_reads_it(figure: Resource) -> None:
    (made,) = figure.properties["MetricTransformations"]
    codes = re.findall(r'"(\w+)"', figure.properties["FilterPattern"])
    function = figure.properties["LogGroupName"].removeprefix("/aws/lambda/ris-demo-")
    read = [
        metric["MetricStat"]["Metric"]
        for alarm in (*tenant().all("AWS::CloudWatch::Alarm"), *site("nord").all("AWS::CloudWatch::Alarm"))
        for metric in alarm.properties["Metrics"]
        if "MetricStat" in metric
    ]
    of_a_site = {"Dimensions": [{"Name": "Site", "Value": "nord"}]} if "Dimensions" in made else {}

    assert made.get("Dimensions", []) == ([{"Key": "Site", "Value": "$.site"}] if of_a_site else [])  # as many as sites
    assert {"Namespace": made["MetricNamespace"], "MetricName": made["MetricName"], **of_a_site} in read
    handler = next((ROOT / "functions" / function).glob("*.py")).read_text("utf-8")
    of_adapters = {code for code in codes if code.startswith("REVOCATION_")}  # said by whoever speaks TLS, in whatever function
    assert codes
    assert all(f"LogReference.{code}" in handler for code in set(codes) - of_adapters)
    assert made["MetricValue"] == "1" or made["MetricValue"].removeprefix("$.") in LogFields.__annotations__


def test_schedules_call_the_functions_that_only_time_starts() -> None:
    rules = {rule.logical_id: rule for rule in tenant().all("AWS::Events::Rule")}

    assert set(rules) == {
        f"{name}Schedule"
        for name in ("SweepDue", "SealAudit", "CountUsage", "WatchCertificates", "ReconcileMail", "ImportDirectory")
    }
    for logical_id, rule in rules.items():
        name = logical_id.removesuffix("Schedule")
        permission = tenant().resources[f"{name}Permission"].properties
        assert [tenant().resources[f"{name}Function"].arn] == [target["Arn"] for target in rule.properties["Targets"]]
        assert ("events.amazonaws.com", rule.arn) == (permission["Principal"], permission["SourceArn"])


@pytest.mark.parametrize("each", every("AWS::StepFunctions::StateMachine"))
def test_a_machine_is_logged_and_traced(each: Resource) -> None:
    machine = each.properties
    (destination,) = machine["LoggingConfiguration"]["Destinations"]
    group = tenant().named("AWS::Logs::LogGroup", LogGroupName=f"/aws/vendedlogs/states/{machine['StateMachineName']}")

    assert (machine["StateMachineType"], machine["LoggingConfiguration"]["Level"]) == ("STANDARD", "ALL")
    assert group.arn == destination["CloudWatchLogsLogGroup"]["LogGroupArn"]
    assert machine["TracingConfiguration"]["Enabled"] is True


def test_the_api_forwards_everything_to_the_portal_and_nothing_else() -> None:
    api = tenant().named("AWS::ApiGatewayV2::Api").properties["Body"]
    stage = tenant().named("AWS::ApiGatewayV2::Stage").properties
    methods = {(path, method) for path, body in api["paths"].items() for method in body}
    integrations = [body[method]["x-amazon-apigateway-integration"] for body in api["paths"].values() for method in body]

    assert {("/", "x-amazon-apigateway-any-method"), ("/{proxy+}", "x-amazon-apigateway-any-method")} == methods
    assert {"1.0"} == {integration["payloadFormatVersion"] for integration in integrations}
    assert all(tenant().resources["PortalFunction"].arn in integration["uri"] for integration in integrations)
    assert stage["StageName"] == "$default"
    assert "ApiLogGroup" in {
        r.logical_id for r in tenant().all("AWS::Logs::LogGroup") if r.arn == stage["AccessLogSettings"]["DestinationArn"]
    }
    assert len(list(tenant().all("AWS::ApiGatewayV2::Api"))) == 1
    assert not list(tenant().all("AWS::Lambda::Url"))


def test_the_access_log_is_json_and_holds_no_query_and_no_header() -> None:
    line = tenant().named("AWS::ApiGatewayV2::Stage").properties["AccessLogSettings"]["Format"]
    values = set(json.loads(line).values())

    assert "$context.path" in values
    assert values <= {f"$context.{name}" for name in LOGGED}


def test_own_domain_and_firewall_come_only_when_asked_for() -> None:
    kinds = {"AWS::ApiGatewayV2::DomainName", "AWS::ApiGatewayV2::ApiMapping", "AWS::CertificateManager::Certificate"}
    plain = {resource.kind for resource in tenant().all()}
    fronted = tenant("production", "ris.example.test", "arn:aws:wafv2:eu-west-3:1:global/webacl/x/y")
    origin = fronted.named("AWS::CloudFront::Distribution").properties["DistributionConfig"]["Origins"][0]

    assert not plain & {*kinds, "AWS::CloudFront::Distribution"}
    assert kinds <= {resource.kind for resource in fronted.all()}
    assert origin["DomainName"] == "ris.example.test"


def test_a_function_is_given_the_tables_it_may_use_and_no_other() -> None:
    tables = {table.reference: table.arn for table in tenant().all("AWS::DynamoDB::Table")}
    for function in tenant().all("AWS::Lambda::Function"):
        role = tenant().resources[f"{function.logical_id}Role"].properties
        given = {value for key, value in function.properties["Environment"]["Variables"].items() if key.startswith("TABLE_")}
        granted = json.dumps(role["Policies"])
        allowed = {name for name, arn in tables.items() if f'"{arn}"' in granted}

        assert given == allowed, function.logical_id


@pytest.mark.parametrize("stack", STACKS)
def test_every_parameter_is_used(stack: Stack) -> None:
    # SAM's transform hides the linter's own rule (W2001) in the parent.
    for each in (stack, *stack.nested.values()):
        text = json.dumps({key: value for key, value in each.template.items() if key != "Parameters"})
        unused = {name for name in each.parameters if f'{{"Ref": "{name}"}}' not in text and f"${{{name}}}" not in text}
        assert not unused, each.path
