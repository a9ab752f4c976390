"""Some values of a sparse matrix, read where they stand.

scipy makes a matrix of each selection of rows and another one of columns, which takes most of the
time where few values are wanted.

Legend: R rows, C columns, E entries of those rows, W wanted ones among them.
"""

import numpy as np
import scipy.sparse as sp

from encore.models.ranking import Floats, Integers


def entries(matrix: sp.csr_array, rows_R: Integers, columns_C: Integers) -> Floats:
    """Return the values (R, C) in rows and distinct columns, 0 where the matrix stores none.

    >>> entries(sp.csr_array([[0, 5, 6], [7, 0, 0]]), np.array([1, 0]), np.array([2, 0])).tolist()
    [[0, 7], [6, 0]]
    """
    column_E, wanted = columns_of(matrix, rows_R), np.zeros(matrix.shape[1], np.bool_)
    wanted[columns_C] = True
    place_W = np.flatnonzero(wanted[column_E])
    stop_R = matrix.indptr[rows_R + 1]
    end_R = np.cumsum(stop_R - matrix.indptr[rows_R])  # of each row's entries among all
    row_W = end_R.searchsorted(place_W, side="right")
    order_C = np.argsort(columns_C)
    where_W = order_C[columns_C.searchsorted(column_E[place_W], sorter=order_C)]
    found_RC: Floats = np.zeros((len(rows_R), len(columns_C)), matrix.dtype)
    found_RC[row_W, where_W] = matrix.data[place_W + (stop_R - end_R)[row_W]]
    return found_RC


def columns_of(matrix: sp.csr_array, rows_R: Integers) -> Integers:
    """Return the columns of all that some rows store (E,), row by row.

    >>> columns_of(sp.csr_array([[0, 5, 6], [7, 0, 0]]), np.array([1, 0])).tolist()
    [0, 1, 2]
    """
    bounds = zip(matrix.indptr[rows_R].tolist(), matrix.indptr[rows_R + 1].tolist(), strict=True)
    columns_E: Integers = np.concatenate(
        [matrix.indices[:0], *(matrix.indices[start:stop] for start, stop in bounds)]
    )
    return columns_E
