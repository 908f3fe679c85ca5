"""Tokens: access keys for S3, bearer tokens for the management API, and the settings files made of them."""
