"""Tracks of text beside a medium: cues, and the files that hold them."""
