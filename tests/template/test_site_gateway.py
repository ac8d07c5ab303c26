"""The gateway's identity and the key of its spool: one site's gateway, nobody else."""

from __future__ import annotations

from tests.support.stacks import site

ANCHOR = "arn:aws:rolesanywhere:eu-west-3:123456789012:trust-anchor/0"
ROLE = "arn:aws:iam::123456789012:role/ris-demo-nord-gateway"


def test_only_the_gateway_of_the_site_seals_and_opens_its_spool() -> None:
    (key,) = site("nord").all("AWS::KMS::Key")
    administer, use = key.properties["KeyPolicy"]["Statement"]

    assert {"kms:Decrypt", "kms:GenerateDataKey"} == set(use["Action"])
    assert {"kms:CallerAccount": "123456789012", "kms:EncryptionContext:site": "nord"} == use["Condition"]["StringEquals"]
    assert {"aws:PrincipalArn": ROLE} == use["Condition"]["ArnEquals"]
    assert not set(administer["Action"]) & {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:CreateGrant", "kms:*"}


def test_without_a_trust_anchor_the_stack_makes_no_role() -> None:
    kinds = {resource.kind for resource in site("nord").all()}

    assert not kinds & {"AWS::IAM::Role", "AWS::RolesAnywhere::Profile"}


def test_a_certificate_of_another_site_or_authority_opens_no_role() -> None:
    (role,) = site("nord", ANCHOR).all("AWS::IAM::Role")
    (statement,) = role.properties["AssumeRolePolicyDocument"]["Statement"]

    assert {"Service": "rolesanywhere.amazonaws.com"} == statement["Principal"]
    assert {"aws:PrincipalTag/x509Subject/CN": "ris-demo-nord-gateway"} == statement["Condition"]["StringEquals"]
    assert {"aws:SourceArn": ANCHOR} == statement["Condition"]["ArnEquals"]
    assert role.properties["RoleName"] == ROLE.rpartition("/")[2]
