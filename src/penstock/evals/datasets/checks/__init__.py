"""What is looked at before a dataset is used: duplicates, gaps, labels, leaks between splits, coverage of traffic."""
