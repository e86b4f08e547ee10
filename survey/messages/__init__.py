"""Messages to teams: alerts about low ratings, and mails, from the outbox to their receivers."""
