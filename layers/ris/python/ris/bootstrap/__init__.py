"""Composition roots, one module per dependency family; adapters are imported inside their functions."""
