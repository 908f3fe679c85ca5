"""Sizes as people write them: `10TB` is 10^13 bytes, `5 MiB` is 5 · 2^20."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_UNITS: Final = ("", "K", "M", "G", "T", "P", "E")
_FACTOR: Final = {
    **{(unit + "B").upper(): 1000**power for power, unit in enumerate(_UNITS)},
    **{(unit + "iB").upper(): 1024**power for power, unit in enumerate(_UNITS) if unit},
    "": 1,
}
_SHAPE: Final = re.compile(r"\s*(\d{1,19}(?:\.\d{1,9})?)\s*([A-Za-z]{0,3})\s*", re.ASCII)

SIZE_BYTES_MAX: Final = 2**63 - 1  # what a column of the catalog can hold


def parse_size(text: str) -> int:
    """Return the bytes that a text such as `10TB`, `1.5 GiB` or `1048576` means.

    TB = 10^12, TiB = 2^40; a lone `T` is refused, since people mean either. Raises ValueError.
    """
    match = _SHAPE.fullmatch(text)
    factor = _FACTOR.get(match[2].upper()) if match else None
    if match is None or factor is None:
        raise ValueError(
            f"{text!r} is not a size: write a number and a unit, such as 10TB (10^13 bytes) or 10TiB (10 · 2^40)"
        )
    size = Decimal(match[1]) * factor
    if size != size.to_integral_value():
        raise ValueError(f"{text!r} is not a whole number of bytes")
    if size > SIZE_BYTES_MAX:
        raise ValueError(f"{text!r} is more than the {SIZE_BYTES_MAX} bytes that can be counted")
    return int(size)


def show_size(size_bytes: int) -> str:
    """Return a size for people: exact where a unit divides it (`10 TB`, `5 MiB`), else to three digits."""
    for factor, unit in sorted(((factor, unit) for unit, factor in _FACTOR.items() if factor > 1), reverse=True):
        if size_bytes and size_bytes % factor == 0 and size_bytes // factor < 10_000:
            return f"{size_bytes // factor} {unit.replace('IB', 'iB')}"
    for factor, unit in ((1000**power, unit) for power, unit in reversed(list(enumerate(_UNITS)))):
        if factor > 1 and size_bytes >= factor:
            # From 999.5 on, three digits would be written as 1e+03.
            shown = f"{size_bytes / factor:.3g}" if size_bytes < 999.5 * factor else f"{size_bytes / factor:,.0f}"
            return f"{shown} {unit}B"
    return f"{size_bytes} B"
