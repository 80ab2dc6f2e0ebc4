"""Saved views: searches that people keep, for themselves or for all of a project."""
