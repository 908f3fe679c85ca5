"""Notices: what people are told, in the portal and by mail, and the outbox where mail waits."""
