"""A Radiology Information System for French radiology groups."""
