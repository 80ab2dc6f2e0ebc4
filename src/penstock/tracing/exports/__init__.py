"""Exports: spans and scores as files, streamed in bounded memory."""
