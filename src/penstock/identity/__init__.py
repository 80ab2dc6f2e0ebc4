"""Who may do what: projects, keys, people, roles, sign-in links and sessions."""
