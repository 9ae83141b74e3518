"""Measurements of networks: predictions, scores, features, pseudo-labels. Needs torch; draws no figures."""
