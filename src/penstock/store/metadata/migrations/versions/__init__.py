"""One module per migration, numbered `0001`, `0002`, …: a higher number is newer."""
