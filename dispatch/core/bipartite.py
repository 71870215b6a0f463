"""Least-cost matching of rows to columns, where a row may also stay alone at a price.

Sparse (scipy's LAPJVsp): each row brings only its cheapest columns and one column of its own that stands for staying
alone. Weights are made strictly positive, because an explicit zero in a sparse matrix would be no edge at all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

Floats = NDArray[np.float64]


def match_rows(cost: Floats, alone: Floats, cheapest: int) -> list[int | None]:
    """For each row its column, or None.

    As many rows as possible get a column; among these matchings the one of least total cost (`cost` of the pairs
    plus `alone` of the rows left over) is chosen. Exact where `cheapest` is at least the number of rows.

    Args:
        cost: shape (rows, columns); inf: impossible.
        alone: shape (rows,), finite.
        cheapest: how many of a row's cheapest columns are looked at.
    """
    rows, columns = cost.shape
    if rows == 0 or columns == 0:
        return [None] * rows
    row, column = _cheapest(cost, cheapest)
    weight = cost[row, column]
    values = np.concatenate([weight, alone])
    spread = float(values.max() - values.min()) + 1.0
    # One row more with a column is worth more than any difference in the costs of all the others.
    weight = np.concatenate([weight, alone + spread * (rows + 1)]) - float(values.min()) + 1.0
    row = np.concatenate([row, np.arange(rows)])
    column = np.concatenate([column, columns + np.arange(rows)])
    graph = csr_array((weight, (row, column)), shape=(rows, columns + rows))
    matched_row, matched_column = min_weight_full_bipartite_matching(graph)
    result: list[int | None] = [None] * rows
    for one, other in zip(matched_row.tolist(), matched_column.tolist(), strict=True):
        result[one] = other if other < columns else None
    return result


def _cheapest(cost: Floats, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of each row's `count` cheapest possible pairs."""
    rows, columns = cost.shape
    count = min(count, columns)
    some = np.argpartition(cost, count - 1, axis=1)[:, :count]
    row = np.repeat(np.arange(rows), count)
    column = np.sort(some, axis=1).ravel()
    possible = np.isfinite(cost[row, column])
    return row[possible], column[possible]
