"""The agenda context of the application layer."""
