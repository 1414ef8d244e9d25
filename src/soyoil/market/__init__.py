"""Market layer: instruments, session calendar, rolls and knowledge time."""
