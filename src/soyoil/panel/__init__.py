"""One method on every futures root as target: evidence across markets."""
