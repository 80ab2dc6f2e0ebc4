"""A process of its own that maps large requests, so that neither HTTP nor the store waits for the interpreter's lock.

frames     what both sides say to each other
client     the console's side: starts the process when it is first needed, and again when it died
serve      the process's side
"""
