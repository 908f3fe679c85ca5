"""How S3 is spelt: shapes, XML, signatures, chunks, ranges and codes. Sans-IO; no clock, no files, no engines."""
