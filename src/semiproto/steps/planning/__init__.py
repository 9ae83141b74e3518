"""What the runs of an experiment will cost, before anything runs (`semiproto plan`)."""
