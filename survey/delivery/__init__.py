"""From the outbox to PostHog."""
