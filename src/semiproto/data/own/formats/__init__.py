"""What labelling tools write, one file a format."""
