"""From scores to a list: rules that hold, and lists that are not ten times the same."""
