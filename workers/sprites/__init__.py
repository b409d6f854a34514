"""Sprite sheets: small pictures of a film side by side in one image, and the cues that tell which shows when.

`layout` (pure) decides how many there are and where each lies; `key_frames` and `sheets` are operations of the helper,
which take the key frames that are needed out of a source, and put the chosen pictures together.
"""
