"""Which parts of a run would give what is there already, and are left out."""
