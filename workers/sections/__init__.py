"""Where a video or a sound falls into parts: its scenes, pauses and topics, and the sections made of them."""
