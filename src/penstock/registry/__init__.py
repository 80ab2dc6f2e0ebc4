"""What production serves: penstock.yaml, the models, and the snapshot that the gateway reads."""
