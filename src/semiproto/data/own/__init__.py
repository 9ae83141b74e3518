"""A folder of the user's own: what it holds, whether it is sound, and how it becomes a prepared set."""
