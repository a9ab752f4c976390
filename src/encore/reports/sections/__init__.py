"""The sections of a report, each from the part of results.json that it tells of."""
