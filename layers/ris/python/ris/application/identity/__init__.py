"""The identity context of the application layer."""
