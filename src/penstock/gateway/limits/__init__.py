"""Limits and budgets, the part without I/O: what a call borrows, what its caller is told."""
