"""The checks of `csat donations verify`, each of which finds the first difference of its kind."""
