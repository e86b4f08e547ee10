"""A full working site to look at: sample answers and a stand-in for PostHog."""
