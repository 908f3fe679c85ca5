"""Joining a tenancy: requests and their decisions, grants and their ends, members and guests."""
