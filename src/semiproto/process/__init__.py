"""Processes: several that share a batch, the one that started them, signals, locks, progress."""
