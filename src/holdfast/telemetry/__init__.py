"""What the processes of a home tell: logs, metrics, the access log, and the board on which they see one another."""
