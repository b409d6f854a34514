"""Streaming packages: the ladder of renditions, segments, playlists and manifests.

`ladder`, `hls`, `dash` and `captions` are pure. `boxes` and `transport` read segments; `rendition` and `package` are
operations of the resident helper, as they open media.
"""
