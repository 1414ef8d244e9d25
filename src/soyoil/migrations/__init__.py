"""Changes that bring a warehouse to its contracts, as a plan that is read first."""
