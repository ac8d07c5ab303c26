"""The report context of the application layer."""
