"""Operating: the pages of operators over all tenancies, people, jobs, mail and the audit log."""
