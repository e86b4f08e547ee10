"""From counted responses to money: the donation ledger."""
