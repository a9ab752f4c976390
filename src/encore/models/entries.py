"""Some values of a sparse matrix, read where they stand.

scipy makes a matrix of each selection of rows and another one of columns, which takes most of the
time where few values are wanted.

Legend: R rows, C columns, E entries of those rows, W wanted ones among them.
"""

import numpy as np
import scipy.sparse as sp

from encore.models.ranking import Floats, Integers

LONG = 100  # entries of a row, from which searching it is faster than reading it

Found = tuple[Integers, Integers, Integers]
"""Of each wanted entry the places in R, in C and in the matrix."""


def entries(matrix: sp.csr_array, rows_R: Integers, columns_C: Integers) -> Floats:
    """Return the values (R, C) in rows and distinct columns, 0 where the matrix stores none.

    >>> entries(sp.csr_array([[0, 5, 6], [7, 0, 0]]), np.array([1, 0]), np.array([2, 0])).tolist()
    [[0, 7], [6, 0]]
    """
    length_R = matrix.indptr[rows_R + 1] - matrix.indptr[rows_R]
    long = length_R.sum() > LONG * len(rows_R) and matrix.has_sorted_indices
    row_W, column_W, place_W = (_searched if long else _read)(matrix, rows_R, columns_C)
    found_RC: Floats = np.zeros((len(rows_R), len(columns_C)), matrix.dtype)
    found_RC[row_W, column_W] = matrix.data[place_W]
    return found_RC


def columns_of(matrix: sp.csr_array, rows_R: Integers) -> Integers:
    """Return the columns of all that some rows store (E,), row by row.

    >>> columns_of(sp.csr_array([[0, 5, 6], [7, 0, 0]]), np.array([1, 0])).tolist()
    [0, 1, 2]
    """
    columns_E: Integers = np.concatenate([matrix.indices[:0], *_each(matrix, rows_R)])
    return columns_E


def _searched(matrix: sp.csr_array, rows_R: Integers, columns_C: Integers) -> Found:
    wanted_C = columns_C.astype(matrix.indices.dtype)
    place_RC = np.array([row.searchsorted(wanted_C) for row in _each(matrix, rows_R)])
    place_RC += matrix.indptr[rows_R][:, None]
    row_W, column_W = np.nonzero(place_RC < matrix.indptr[rows_R + 1][:, None])
    place_W = place_RC[row_W, column_W]
    there_W = matrix.indices[place_W] == wanted_C[column_W]
    return row_W[there_W], column_W[there_W], place_W[there_W]


def _read(matrix: sp.csr_array, rows_R: Integers, columns_C: Integers) -> Found:
    column_E, wanted = columns_of(matrix, rows_R), np.zeros(matrix.shape[1], np.bool_)
    wanted[columns_C] = True
    read_W = np.flatnonzero(wanted[column_E])
    stop_R = matrix.indptr[rows_R + 1]
    end_R = np.cumsum(stop_R - matrix.indptr[rows_R])  # of each row's entries among all
    row_W = end_R.searchsorted(read_W, side="right")
    order_C = np.argsort(columns_C)
    column_W = order_C[columns_C.searchsorted(column_E[read_W], sorter=order_C)]
    return row_W, column_W, read_W + (stop_R - end_R)[row_W]


def _each(matrix: sp.csr_array, rows_R: Integers) -> list[Integers]:
    bounds = zip(matrix.indptr[rows_R].tolist(), matrix.indptr[rows_R + 1].tolist(), strict=True)
    return [matrix.indices[start:stop] for start, stop in bounds]
