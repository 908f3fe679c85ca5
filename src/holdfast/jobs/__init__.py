"""What a store does for itself: collecting garbage, expiring uploads, compacting, scrubbing, backing up."""
