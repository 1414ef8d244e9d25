"""Does anything see what it could not know? Replays of past evenings and the leak check."""
