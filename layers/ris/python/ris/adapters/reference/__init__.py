"""Reference data: the group's files, the `reference` table, and the memory twin of both."""
