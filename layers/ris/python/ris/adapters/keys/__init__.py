"""Keys that sign and keys that open a connection: KMS and Secrets Manager."""
