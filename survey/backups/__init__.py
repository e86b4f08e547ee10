"""Backups of an SQLite store: writing one beside a site that runs, and restoring it."""
