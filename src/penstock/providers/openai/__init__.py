"""OpenAI's dialects, as callers speak them and as OpenAI-compatible servers and Azure OpenAI answer them.

Shapes follow the vendor's reference (https://platform.openai.com/docs/api-reference) and its official SDK.
`chat` converts Chat Completions in both roles, `responses` the Responses API as a caller's dialect, and
`passthrough` forwards a call whose upstream speaks the caller's own dialect.
"""
