"""Parts of a table: rows that are read by their symbol, months that are written."""
