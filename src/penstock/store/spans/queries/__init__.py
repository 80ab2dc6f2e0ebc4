"""The console's questions, one module per topic. Each takes an engine and plain values and blocks."""
