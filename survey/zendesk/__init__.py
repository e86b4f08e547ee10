"""Working with Zendesk: its tickets, who is asked about them, and what goes back."""
