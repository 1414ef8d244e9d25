"""A seeded synthetic market that knows its own truth."""
