from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from dispatch.core.bipartite import match_rows

Floats = NDArray[np.float64]
price = st.one_of(st.integers(-50, 5_000).map(float), st.just(np.inf))


@st.composite
def problems(draw: st.DrawFn, most: int = 7) -> tuple[Floats, Floats]:
    rows, columns = draw(st.integers(1, most)), draw(st.integers(1, most))
    cost = draw(st.lists(price, min_size=rows * columns, max_size=rows * columns))
    alone = draw(st.lists(st.integers(-50, 5_000).map(float), min_size=rows, max_size=rows))
    return np.array(cost).reshape(rows, columns), np.array(alone)


def worth(result: list[int | None], cost: Floats, alone: Floats) -> tuple[int, float]:
    """(rows alone, total cost): less is better, in this order."""
    left = [row for row, column in enumerate(result) if column is None]
    total = sum(cost[row, column] for row, column in enumerate(result) if column is not None)
    return len(left), float(total + sum(alone[row] for row in left))


def dense(cost: Floats, alone: Floats) -> tuple[int, float]:
    rows, columns = cost.shape
    never = 1e12
    whole = np.full((rows, columns + rows), never)
    whole[:, :columns] = np.where(np.isfinite(cost), cost, never)
    whole[np.arange(rows), columns + np.arange(rows)] = alone + 1e8
    chosen = linear_sum_assignment(whole)[1]
    return worth([int(c) if c < columns else None for c in chosen], cost, alone)


@settings(max_examples=300, deadline=None)
@given(problems())
def test_sparse_equals_the_dense_optimum(problem: tuple[Floats, Floats]) -> None:
    cost, alone = problem
    result = match_rows(cost, alone, cheapest=len(cost))
    taken = [column for column in result if column is not None]
    assert len(taken) == len(set(taken))
    assert worth(result, cost, alone) == pytest.approx(dense(cost, alone))


@settings(max_examples=100, deadline=None)
@given(problems(most=4))
def test_sparse_equals_trying_everything(problem: tuple[Floats, Floats]) -> None:
    cost, alone = problem
    rows, columns = cost.shape
    best = (rows + 1, np.inf)
    for order in permutations([*range(columns), *[None] * rows], rows):
        if all(c is None or np.isfinite(cost[r, c]) for r, c in enumerate(order)):
            best = min(best, worth(list(order), cost, alone))
    assert worth(match_rows(cost, alone, cheapest=4), cost, alone) == pytest.approx(best)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_nothing_to_match_is_no_error(shape: tuple[int, int]) -> None:
    assert match_rows(np.empty(shape), np.zeros(shape[0]), 5) == [None] * shape[0]


def test_only_the_cheapest_columns_are_looked_at() -> None:
    cost = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    assert sorted(match_rows(cost, np.zeros(2), 1), key=str) == [0, None]
    assert None not in match_rows(cost, np.zeros(2), 2)
