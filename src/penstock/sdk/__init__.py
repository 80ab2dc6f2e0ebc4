"""What an application uses: who is calling, carried to the gateway in headers."""
