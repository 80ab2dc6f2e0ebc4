"""Sessions and end users: who did what, and when."""
