"""Reports: what a radiologist writes, what validation freezes, and the versions of a document set."""
