"""penstock.yaml: its types, its parser, its errors."""
