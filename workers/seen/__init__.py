"""What pictures show: the frames that are looked at, and the documents of what models saw in them."""

FRAMES = "frames.json"
SCORES = "candidates.txt"  # what ffmpeg's `metadata` prints of each candidate: its time, and how new its scene is
CANDIDATES = "candidate-%05d.jpg"
