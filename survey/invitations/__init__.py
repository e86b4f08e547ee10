"""Who is asked how it was, when, and by which mail."""
