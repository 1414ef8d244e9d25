"""The forecast in the terminal and as a page."""
