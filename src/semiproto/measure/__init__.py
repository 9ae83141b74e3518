"""What is measured of a network: predictions, scores, features, pseudo-labels. Needs torch; draws nothing."""
