"""Sums in lanes: as fast as sums that a compiler may reorder, in an order that the source fixes.

A sum in one variable is a chain of additions, one after the other. A compiler makes it fast by
splitting it, if it may; but then the order, and with it the last bits, depend on where it compiles
the loop (decision 17). Here the split is written down: element m of a row is added in lane m modulo
`LANES`, all lanes at once, and the lanes are added in halves at the end. Products and sums are
rounded apart.

Lanes are float64, from rows of float32 or float64; `load` checks no bounds. `dot` shows their use.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.core.datamodel import models
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload, register_model

__all__ = ["LANES", "dot", "lane_sum", "load", "zeros"]

_intrinsic: Any = intrinsic
#: two registers of 256 bits a sum: six sums at once leave room for what they add
LANES = 8
_VECTOR = ir.VectorType(ir.DoubleType(), LANES)


class _LanesType(types.Type):
    """Type of `LANES` numbers in registers."""

    def __init__(self) -> None:
        super().__init__(name=f"Lanes({LANES})")


_lanes = _LanesType()


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: Any) -> None:
        super().__init__(manager, lanes, _VECTOR)  # type: ignore[no-untyped-call]


@_intrinsic
def zeros(_typing: Any) -> Any:
    """Lanes of zeros."""

    def generate(_context: Any, _builder: Any, _signature: Any, _given: Any) -> Any:
        return ir.Constant(_VECTOR, [0.0] * LANES)

    return _lanes(), generate


@_intrinsic
def load(_typing: Any, row: Any, at: Any) -> Any:
    """Elements at, …, at + LANES - 1 of a contiguous row."""
    known = row in (types.float32[::1], types.float64[::1])
    if not known or not isinstance(at, types.Integer):
        raise TypingError(f"load takes a contiguous row of floats and an index, not {row}, {at}")

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        kind = signature.args[0]
        array = context.make_array(kind)(context, builder, given[0])
        element = context.get_data_type(kind.dtype)
        place = builder.gep(array.data, [given[1]])
        place = builder.bitcast(place, ir.VectorType(element, LANES).as_pointer())
        single = isinstance(element, ir.FloatType)
        values = builder.load(place, align=4 if single else 8)
        return builder.fpext(values, _VECTOR) if single else values

    return _lanes(row, types.intp), generate


@_intrinsic
def _add(_typing: Any, a: Any, b: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        return builder.fadd(*given)

    return _lanes(a, b), generate


@_intrinsic
def _multiply(_typing: Any, a: Any, b: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        return builder.fmul(*given)

    return _lanes(a, b), generate


@_intrinsic
def lane_sum(_typing: Any, a: Any) -> Any:
    """Sum of the lanes: the upper half is added to the lower one, and so on."""

    def generate(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        index = ir.IntType(32)
        parts = [builder.extract_element(given[0], index(lane)) for lane in range(LANES)]
        while len(parts) > 1:
            half = len(parts) // 2
            pairs = zip(parts[:half], parts[half:], strict=True)
            parts = [builder.fadd(low, high) for low, high in pairs]
        return parts[0]

    return types.float64(a), generate


def _implemented(a: Any, b: Any, made: Callable[[Any, Any], Any]) -> Any:
    if not isinstance(a, _LanesType) or not isinstance(b, _LanesType):
        return None

    def implementation(a: Any, b: Any) -> Any:
        return made(a, b)

    return implementation


@overload(operator.add)
@overload(operator.iadd)
def _added(a: Any, b: Any) -> Any:
    return _implemented(a, b, _add)


@overload(operator.mul)
def _multiplied(a: Any, b: Any) -> Any:
    return _implemented(a, b, _multiply)


@njit(cache=True, nogil=True, error_model="numpy")
def dot(x: npt.NDArray[Any], y: npt.NDArray[Any]) -> Any:
    """Return x·y in float64, of contiguous rows of float32 or float64."""
    products = zeros()
    whole = x.size // LANES * LANES
    for m in range(0, whole, LANES):
        products += load(x, m) * load(y, m)
    total = lane_sum(products)
    for m in range(whole, x.size):
        total += np.float64(x[m]) * np.float64(y[m])
    return total
