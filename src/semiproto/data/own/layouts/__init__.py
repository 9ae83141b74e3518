"""Which of the known layouts a user's folder has, and what was assumed to read it so."""
