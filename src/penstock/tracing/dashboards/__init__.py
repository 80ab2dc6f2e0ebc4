"""Dashboards: pages of widgets over metrics, a set of them for every project."""
