"""The training loop, its losses and schedules, and the two phases that use it."""
