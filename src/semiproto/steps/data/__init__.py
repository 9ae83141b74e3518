"""Steps that write below data/: the set, its splits, the folds of the forecast."""
