"""Buckets from a template get their versioning and their lock; moto applies encryption and tags alone."""

from typing import Any

from moto.s3.models import FakeBucket

from infra.local.cloud.names import UnknownToTheLocalCloud

_APPLIED = {
    "BucketName",
    "BucketEncryption",
    "ObjectLockConfiguration",
    "ObjectLockEnabled",
    "Tags",
    "VersioningConfiguration",
}
_WITHOUT_EFFECT_HERE = {
    "LifecycleConfiguration",
    "LoggingConfiguration",
    "OwnershipControls",
    "PublicAccessBlockConfiguration",
}


def install() -> None:
    """Add versioning and the lock to how a bucket is made from a template."""
    original = FakeBucket.create_from_cloudformation_json.__func__

    def create(cls: type, name: str, cloudformation_json: dict[str, Any], *args: Any, **kwargs: Any) -> FakeBucket:
        properties = cloudformation_json.get("Properties", {})
        if unknown := properties.keys() - _APPLIED - _WITHOUT_EFFECT_HERE:
            raise UnknownToTheLocalCloud(f"property {sorted(unknown)[0]} of the bucket {kwargs['LogicalId']}")
        bucket = original(cls, name, cloudformation_json, *args, **kwargs)
        bucket.versioning_status = properties.get("VersioningConfiguration", {}).get("Status")
        _lock(bucket, properties)
        return bucket

    FakeBucket.create_from_cloudformation_json = classmethod(create)


def _lock(bucket: FakeBucket, properties: dict[str, Any]) -> None:
    """Lock what is stored for the default retention."""
    bucket.object_lock_enabled = str(properties.get("ObjectLockEnabled", False)).lower() == "true"
    retention = properties.get("ObjectLockConfiguration", {}).get("Rule", {}).get("DefaultRetention", {})
    if retention:
        bucket.default_lock_mode = retention["Mode"]
        bucket.default_lock_days = int(retention.get("Days", 0))
        bucket.default_lock_years = int(retention.get("Years", 0))
