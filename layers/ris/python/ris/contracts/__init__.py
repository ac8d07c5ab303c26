"""Pydantic models at the edges: queue envelopes, task inputs and outputs, settings."""
