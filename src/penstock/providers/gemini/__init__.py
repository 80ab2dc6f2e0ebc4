"""Google's Gemini API (`generateContent`, `countTokens`, `batchEmbedContents`) as an upstream.

Shapes follow https://ai.google.dev/api/generate-content and the installed `google-genai` types.
"""
