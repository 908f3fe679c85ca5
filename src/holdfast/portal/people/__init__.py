"""People: accounts, log-in, second factors, sign-up, invitations, and sign-in by a provider or directory."""
