"""Running the site and delivery as one tree of processes that start and end together."""
