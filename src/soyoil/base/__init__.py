"""What every room stands on: configuration, errors, processes, files of a run."""
