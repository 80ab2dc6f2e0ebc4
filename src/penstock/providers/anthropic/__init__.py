"""Anthropic's Messages API, as a dialect of callers and as an upstream.

Shapes follow the vendor's reference (https://platform.claude.com/docs/en/api/messages), API versions
2023-06-01 and 2026-10-21; the later one removes `temperature`, `top_p` and `top_k`.
"""
