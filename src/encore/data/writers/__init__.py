"""A Dataset in the forms that other programs read."""
