"""Who may do what, where: accounts, roles, sessions, the policy table, audit records."""
