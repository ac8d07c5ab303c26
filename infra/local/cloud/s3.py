"""Buckets from a template get their versioning; moto applies encryption and tags alone."""

from typing import Any

from moto.s3.models import FakeBucket

from infra.local.cloud.names import UnknownToTheLocalCloud

_APPLIED = {"BucketName", "BucketEncryption", "Tags", "VersioningConfiguration"}
_WITHOUT_EFFECT_HERE = {
    "LifecycleConfiguration",
    "LoggingConfiguration",
    "OwnershipControls",
    "PublicAccessBlockConfiguration",
}


def install() -> None:
    """Add versioning to how a bucket is made from a template."""
    original = FakeBucket.create_from_cloudformation_json.__func__

    def create(cls: type, name: str, cloudformation_json: dict[str, Any], *args: Any, **kwargs: Any) -> FakeBucket:
        properties = cloudformation_json.get("Properties", {})
        if unknown := properties.keys() - _APPLIED - _WITHOUT_EFFECT_HERE:
            raise UnknownToTheLocalCloud(f"property {sorted(unknown)[0]} of the bucket {kwargs['LogicalId']}")
        bucket = original(cls, name, cloudformation_json, *args, **kwargs)
        bucket.versioning_status = properties.get("VersioningConfiguration", {}).get("Status")
        return bucket

    FakeBucket.create_from_cloudformation_json = classmethod(create)
