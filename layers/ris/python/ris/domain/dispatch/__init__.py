"""What must reach somebody else, and what became of it."""
