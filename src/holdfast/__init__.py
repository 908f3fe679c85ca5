"""holdfast: a self-hosted, multi-tenant, S3-compatible object store for research computing."""

__version__ = "0.1.0.dev0"
