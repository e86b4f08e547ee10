"""The monthly report as a mail: the findings and tables of the page, as mail programs show them."""
