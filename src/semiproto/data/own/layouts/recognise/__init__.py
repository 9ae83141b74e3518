"""One function for each layout, which says how a folder would be read if it has that layout."""
