"""From numbers to people: files for the spreadsheet, a page for the lead."""
