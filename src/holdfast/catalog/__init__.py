"""What is remembered: rows in tables, read in snapshots and changed in durable transactions. Knows nothing of S3."""
