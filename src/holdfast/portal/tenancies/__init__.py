"""Tenancies as people see them: the list of services, the dashboard, asking for one, more quota, closing."""
