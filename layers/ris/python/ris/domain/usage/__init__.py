"""What was done, counted: immutable dated facts, and nothing else."""
