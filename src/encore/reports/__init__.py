"""What a run found: figures, one page and a model card."""
