"""Published sets: what there is, how it is downloaded, and how each becomes a prepared set."""
