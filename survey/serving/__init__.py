"""Running the site and delivery as one process tree that lives and dies together."""
