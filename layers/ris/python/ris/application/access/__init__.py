"""The access context of the application layer."""
