"""Floor 4: what is kept."""
