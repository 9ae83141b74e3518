"""What the figures share, and the picture of a folder's class balance."""
