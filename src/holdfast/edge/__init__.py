"""HTTP for S3: heads and bodies on their way in and out, and the processes that serve them.

Decides nothing about S3.
"""
