"""Composition root: binds the ports, runs the two planes, serves the console."""
