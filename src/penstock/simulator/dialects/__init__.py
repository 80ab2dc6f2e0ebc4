"""The vendors' wire formats. Each dialect parses a request to an `Ask` and renders a `Completion`."""
