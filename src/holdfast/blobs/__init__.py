"""Where bytes lie: immutable, checksummed blobs. Knows nothing of buckets and keys."""
