"""Daily bars from a table of the user's own."""
