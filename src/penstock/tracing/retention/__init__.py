"""What is kept for how long, deletion on request, and what the disk holds."""
