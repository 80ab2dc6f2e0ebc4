"""Which target a call goes to, and what becomes of it when that one fails. No network, no clock of its own."""
