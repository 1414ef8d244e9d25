"""Replays and the leak check for the terminal."""
