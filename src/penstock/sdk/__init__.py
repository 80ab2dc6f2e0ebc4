"""What an application uses: tracing, scores, masking, and who is calling, carried to the gateway in headers."""
