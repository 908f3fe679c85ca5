"""Data: buckets and who can see them, objects, uploads, and deletion of whole prefixes."""
