"""Experiments: a dataset asked of several variants, judged, and recorded so that a killed run goes on where it was."""
