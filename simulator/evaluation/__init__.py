"""Floor 3: what a conversation shows. Numbers and text; no sound, no engine, no clock."""
