"""The usage context of the adapters."""
