"""Logs with stable codes, tracing, and the decorators every handler wears."""
