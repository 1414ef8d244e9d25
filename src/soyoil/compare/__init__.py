"""Which tracked runs can be ranked together, and what made two runs differ."""
