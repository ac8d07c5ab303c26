"""The report context of the adapters layer."""
