"""What watches what happened: alerts, objectives, incidents."""
