"""The agenda context of the adapters layer."""
