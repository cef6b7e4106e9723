"""Floor 2: who speaks when, and what the client says next."""
