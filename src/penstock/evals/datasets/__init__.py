"""Datasets: rows kept by content, versions that share what they have in common, splits that stay."""
