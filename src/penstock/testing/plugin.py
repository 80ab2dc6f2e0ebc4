"""Fixtures that pytest finds by the package's entry point. Importing this module imports nothing heavy."""
