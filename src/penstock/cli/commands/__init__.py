"""One module per group of commands; each imports what is heavy only when its command runs."""
