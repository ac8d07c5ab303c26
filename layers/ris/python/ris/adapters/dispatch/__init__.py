"""The dispatch context of the adapters layer."""
