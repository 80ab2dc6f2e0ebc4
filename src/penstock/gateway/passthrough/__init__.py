"""Every other endpoint of a provider: authenticated, limited and recorded as a call is, and otherwise left alone.

`paths` says whose endpoint a path is, `body` reads what came, `resolve` chooses the provider and the model,
`address` makes the upstream request, `exchange` passes the answer on, and `record` makes the span.
"""
