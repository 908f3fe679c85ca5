"""What the answers mean: versions, multipart uploads, conditions, quotas, listing and garbage, on any engines."""
