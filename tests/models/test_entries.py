"""Values looked up in a sparse matrix are those that a dense one holds."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from encore.models import entries

ROWS, COLUMNS = 6, 9
dense = arrays(np.float32, (ROWS, COLUMNS), elements=st.sampled_from([0, 0, 0, 1, 2.5]))


@given(
    dense,
    st.lists(st.integers(0, ROWS - 1), max_size=8),
    st.lists(st.integers(0, COLUMNS - 1), max_size=8, unique=True),
    st.booleans(),
    st.sampled_from([0, 2, entries.LONG]),
)
def test_values_are_those_of_the_dense_matrix(
    dense_RC: np.ndarray, rows: list[int], columns: list[int], backwards: bool, long: int
) -> None:
    matrix = sp.csr_array(dense_RC)
    if backwards:  # as products of scipy leave the columns of a row
        for start, stop in pairwise(matrix.indptr):
            for values in (matrix.indices, matrix.data):
                values[start:stop] = values[start:stop][::-1].copy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entries, "LONG", long)  # both ways of looking are taken
        found = entries.entries(matrix, np.array(rows, int), np.array(columns, int))
    assert np.array_equal(found, dense_RC[np.ix_(rows, columns)])
    assert found.dtype == np.float32


@given(dense, st.lists(st.integers(0, ROWS - 1), max_size=8))
def test_columns_are_those_of_each_row_in_turn(dense_RC: np.ndarray, rows: list[int]) -> None:
    found = entries.columns_of(sp.csr_array(dense_RC), np.array(rows, int))
    assert found.tolist() == [column for row in rows for column in np.flatnonzero(dense_RC[row])]
