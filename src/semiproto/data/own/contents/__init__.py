"""What a user's folder holds: its images, their masks, the part of the set that each image belongs to, and the rest."""
