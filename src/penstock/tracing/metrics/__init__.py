"""Metrics over any spans, as dashboards and people ask for them; docs/dashboards.md lists what can be asked."""
