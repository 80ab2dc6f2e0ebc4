"""Who is told of an alert, when, and how."""
