"""The Responses API: passed through where the upstream has it, else converted through the neutral form."""
