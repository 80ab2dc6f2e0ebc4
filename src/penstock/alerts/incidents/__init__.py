"""Incidents: state, timeline, run book, post-mortem."""
