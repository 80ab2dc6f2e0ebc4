"""Statements on the tables of the registry, by topic.

Every function runs in the transaction of the connection it is given and decides nothing.
"""
