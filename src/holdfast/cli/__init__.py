"""The keys to the house: one module for each command."""
