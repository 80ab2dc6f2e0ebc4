"""The stages of a call, in the order `gateway.pipeline` runs them."""
