"""Table contracts: what a table holds, in which types and units, and how rows are checked."""
