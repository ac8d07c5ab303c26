"""The identity context of the adapters layer."""
