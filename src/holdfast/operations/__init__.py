"""What S3 may ask: one module for each operation, named as S3 names it."""
