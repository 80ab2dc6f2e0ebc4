"""The data plane: every call passes through here. Pure ASGI, no web framework, no SQL."""
