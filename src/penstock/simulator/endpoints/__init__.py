"""OpenAI's endpoints that are no chat: images, audio, files, batches, moderations and reranking."""
