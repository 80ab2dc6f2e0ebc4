"""Records that cross a process boundary: usage, spans, journal lines, snapshots, chat. No I/O."""
