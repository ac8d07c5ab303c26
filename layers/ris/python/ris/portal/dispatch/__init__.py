"""Pages of the group's IT: what is stuck, who does not answer, what ends soon."""
