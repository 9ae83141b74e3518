"""The labelling tools that have a format of their own, one file a tool."""
