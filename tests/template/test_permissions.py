"""What roles may do, counted on the expanded template (figures I1, I2, I10)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.stacks import ROOT, Resource, Stack, legal_entity, site, tenant

UNAVOIDABLE = {
    # Step Functions sets up log delivery by calls that know no resource (AWS documents the list).
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}
ACCEPTED_MANAGED = {
    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess",
}
# Where a star may stand: at the end of an object's key, for the exam before a document's name, for the site in a queue's or a
# secret's name, for the legal entity in a secret's name (six question marks: what Secrets Manager adds), and for a key that is granted by its alias.
STARS = (
    r"arn:aws:s3:::[^*]+/(inbound|outbound)/([^*]+/)?\*",
    r"arn:aws:s3:::ris-demo-documents-[^*]+/(audit/\*|\*/(frozen\.json|report\.pdf|report\.cda\.xml|signature\.xml))",
    r"arn:aws:sqs:[^*]+-\*-(worklist-feed|hl7-outbound\.fifo)",
    r"arn:aws:secretsmanager:[^*]+:secret:ris-demo/legal-entity/\*(/(insi-manu|insi-auto|dmp|sign-certificate)-\?{6})?",
    r"arn:aws:secretsmanager:[^*]+:secret:ris-demo/mailbox/\*",
    r"arn:aws:kms:eu-west-3:123456789012:key/\*",
)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(stack: Stack) -> Iterator[tuple[str, dict[str, Any]]]:
    """Go over every statement of a role or a policy, with its owner."""
    for role in stack.all("AWS::IAM::Role"):
        for policy in role.properties.get("Policies", []):
            for statement in listed(policy["PolicyDocument"]["Statement"]):
                yield role.logical_id, statement
    for policy in [*stack.all("AWS::IAM::ManagedPolicy"), *stack.all("AWS::IAM::Policy")]:
        for statement in listed(policy.properties["PolicyDocument"]["Statement"]):
            yield policy.logical_id, statement


ALL = [*statements(tenant()), *statements(site())]


def test_the_statements_are_there_to_be_counted() -> None:
    assert len(ALL) > 30


@pytest.mark.parametrize(("owner", "statement"), ALL, ids=lambda value: value if isinstance(value, str) else value.get("Sid"))
def test_a_statement_names_its_actions_and_its_resources(owner: str, statement: dict[str, Any]) -> None:
    actions, resources = listed(statement["Action"]), listed(statement["Resource"])

    assert statement["Effect"] == "Allow"
    assert not [action for action in actions if not re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9]+", action)]
    assert "NotAction" not in statement
    assert "NotResource" not in statement
    if "*" in resources:
        assert set(actions) <= UNAVOIDABLE, owner
    for resource in resources:
        assert resource == "*" or "*" not in resource or any(re.fullmatch(form, resource) for form in STARS), resource
        if resource.endswith(":key/*"):
            # A key is granted by its alias: its own name is not known when the roles are made.
            (operator,) = statement["Condition"]
            (alias,) = statement["Condition"][operator].values()
            assert (operator, alias) in {
                ("ForAnyValue:StringLike", "alias/ris-demo-sign-*"),
                ("ForAnyValue:StringEquals", "alias/ris-demo-audit"),
            }


def test_a_star_for_the_site_never_matches_another_queue() -> None:
    # ris-demo-*-worklist-feed must not reach a dead-letter queue or a tenant-wide queue.
    patterns = [r for _, s in ALL for r in listed(s["Resource"]) if r.startswith("arn:aws:sqs") and "*" in r]
    names = [queue.arn for stack in (tenant(), site()) for queue in stack.all("AWS::SQS::Queue")]
    reached = {name for name in names for pattern in patterns if re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name)}

    assert {site().resources["WorklistFeedQueue"].arn, site().resources["Hl7OutboundQueue"].arn} == reached


def test_only_the_managed_policies_for_logs_and_traces_are_attached() -> None:
    attached = {arn for role in tenant().all("AWS::IAM::Role") for arn in role.properties.get("ManagedPolicyArns", [])}

    assert attached <= ACCEPTED_MANAGED


def test_every_function_has_a_role_of_its_own() -> None:
    functions = list(tenant().all("AWS::Lambda::Function"))

    assert len(functions) == len({function.properties["Role"] for function in functions}) == 23


def test_a_secret_of_a_legal_entity_is_read_by_those_who_use_it() -> None:
    readers: dict[str, set[str]] = {}
    for owner, statement in statements(tenant()):
        for resource in listed(statement["Resource"]):
            if "legal-entity" in resource:
                readers.setdefault(resource.rpartition("/")[2].removesuffix("-??????"), set()).add(
                    owner.removesuffix("FunctionRole")
                )

    speakers = {"CheckDmp", "SendToDmp", "ReconcileWithDmp"}
    assert readers == {
        "insi-manu": {"QueryInsi"},
        "insi-auto": {"QueryInsi"},
        "dmp": speakers,
        "sign-certificate": {*speakers, "SignSubmission"},
        "*": {"WatchCertificates"},
    }


def test_nothing_that_is_locked_can_be_unlocked_by_a_role() -> None:
    actions = {action for _, statement in ALL for action in listed(statement["Action"])}

    assert not {
        action for action in actions if re.search(r"Bypass|Retention|LegalHold|s3:Delete|kms:(Disable|Schedule|Put)", action)
    }


def test_a_gateway_reaches_nothing_of_another_site() -> None:
    granted = json.dumps([s for owner, s in statements(site("nord")) if owner == "GatewayPolicy"])

    assert "ris-demo-nord-" in granted
    assert "*" not in re.sub(r"/(inbound|outbound)/nord/\*", "", granted)


def test_nobody_uses_the_key_but_through_a_service_of_this_account() -> None:
    policy = tenant().nested["Security"].resources["DataKey"].properties["KeyPolicy"]["Statement"]
    uses = {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:CreateGrant"}

    for statement in policy:
        assert not [action for action in listed(statement["Action"]) if "*" in action]
        if uses & set(listed(statement["Action"])):
            condition = statement["Condition"]
            service = "Service" in statement["Principal"]
            assert service or condition["StringEquals"]["kms:CallerAccount"] == "123456789012"
            assert service or "kms:ViaService" in condition["StringEquals"]
    assert len(policy) == 6


@pytest.mark.parametrize("key", [tenant().nested["Security"].resources["AuditKey"], legal_entity().resources["SignKey"]])
def test_a_signing_key_is_used_by_roles_of_this_account_alone(key: Resource) -> None:
    (statement,) = key.properties["KeyPolicy"]["Statement"]

    assert statement["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
    assert not [action for action in statement["Action"] if "*" in action or action in ("kms:CreateGrant", "kms:Decrypt")]


def test_nothing_is_deployed_or_copied_outside_europe() -> None:
    # A web firewall of a distribution lives in us-east-1 by AWS's rule; it is a parameter and holds no data.
    files = [ROOT / "template.yaml", *sorted((ROOT / "infra").glob("*.yaml"))]
    regions = {region for file in files for region in re.findall(r"\b[a-z]{2}-[a-z]+-\d\b", file.read_text(encoding="utf-8"))}
    expanded = json.dumps(
        [[resource.kind, resource.properties] for stack in (tenant(), site(), legal_entity()) for resource in stack.all()]
    )

    assert not {region for region in regions if not region.startswith("eu-")}
    assert "ReplicationConfiguration" not in expanded
    assert "Replicas" not in expanded
    assert "GlobalTable" not in expanded
