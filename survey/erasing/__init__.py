"""Erasing: what is removed of a person, of a ticket's comments, or of all that is old."""
