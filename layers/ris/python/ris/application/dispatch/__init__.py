"""The dispatch context of the application layer."""
