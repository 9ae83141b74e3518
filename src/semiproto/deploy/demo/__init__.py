"""A local page to drop a picture on and see what a model says of it."""
