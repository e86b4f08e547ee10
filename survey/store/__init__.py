"""All tables of the project, and the only code that reads or writes them."""
