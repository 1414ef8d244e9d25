"""Features of one symbol's sessions, each known at the close of its session."""
