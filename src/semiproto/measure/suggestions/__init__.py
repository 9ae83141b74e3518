"""Which images to label next: how much each promises, how different they are, and which are labelled already."""
