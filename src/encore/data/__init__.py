"""From raw files to a Dataset folder: read, clean, split, encode."""
