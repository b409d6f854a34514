"""docs/real-files.md: what every source kind makes of every file of a folder of odd files, checked by other tools.

`python -m tests.corpus` writes it. ITTYHOST_CORPUS names the folder, whose MEDIA.tsv says what each file is for; what
comes out is looked at by Debian's ffmpeg and ffprobe, exiftool and Pillow, none of which the engine runs.
"""
