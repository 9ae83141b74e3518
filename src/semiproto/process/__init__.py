"""Processes: several that share a batch, their parent, signals, locks, progress."""
