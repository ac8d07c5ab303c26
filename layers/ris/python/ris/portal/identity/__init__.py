"""Patients, and what qualifies their identity."""
