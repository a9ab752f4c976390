"""What others do with the same data: the rankers and predictors that encore is measured beside.

A ranking peer has `name`, `fit(inputs)`, `fold_in(audience)` and `score(folded)` like a channel,
and `space`: the values of its settings that a random search draws from.
"""
