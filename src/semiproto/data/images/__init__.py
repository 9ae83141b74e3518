"""Pictures from outside: which files are opened, how their samples are read, and how they become 8 bits."""
