"""The usage context of the application layer."""
