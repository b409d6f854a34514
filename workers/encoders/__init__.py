"""How pictures and sound are encoded: which encoder, at which settings, and why."""
