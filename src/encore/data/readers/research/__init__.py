"""Sets that researchers publish and catalogues of tracks: a file a source.

Each module has its `Reader` (or one a form), told by columns and values; `members` holds what they
share.
"""
