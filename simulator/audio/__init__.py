"""Floor 1: sound, and places in it, on one sample clock."""
