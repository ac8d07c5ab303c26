"""The access context of the adapters layer."""
