"""The management API, `/api/v1`: what managers and operators can do, for programs, by the same rights as the pages."""
