"""A year of made-up air temperature, as a netCDF file and as the Zarr store that xarray would make of it.

Written by hand in pure Python, so that a store to try needs neither xarray nor numpy. Nothing is random: the same bytes
come out each time.

Sources: https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html (classic format),
https://zarr-specs.readthedocs.io/en/latest/v2/v2.0.html, https://cfconventions.org/.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

ZARR: Final = "tas.zarr"
NETCDF: Final = "tas.nc"

_LATITUDES: Final = tuple(-85.0 + 10 * row for row in range(18))
_LONGITUDES: Final = tuple(5.0 + 10 * column for column in range(36))
_MID_MONTHS: Final = (15, 45, 74, 105, 135, 166, 196, 227, 258, 288, 319, 349)
"""Days since the first of January of a year without a leap day."""
_MONTHS_A_CHUNK: Final = 3


class Item(NamedTuple):
    """An object of the dataset."""

    key: str
    content_type: str
    data: bytes


class _Variable(NamedTuple):
    name: str
    dimensions: tuple[str, ...]
    code: str
    """As `struct` has it: i, f or d."""
    values: Sequence[float]
    """In the order of C: the last dimension runs fastest."""
    attributes: Mapping[str, str]


_TITLE: Final = {
    "Conventions": "CF-1.11",
    "title": "Monthly air temperature, made up to try a store with",
    "institution": "holdfast demo",
    "source": "a formula: warm at the equator, seasons of a month's lag, land in one half of the circle",
    "license": "CC0-1.0",
}


def items() -> Iterator[Item]:
    """Return every object: the netCDF file, then the Zarr store, its consolidated metadata last."""
    dimensions, variables = _describe()
    yield Item(NETCDF, "application/x-netcdf", _netcdf(dimensions, variables))
    yield from _zarr(dimensions, variables)


def _describe() -> tuple[Mapping[str, int], Sequence[_Variable]]:
    field = [_kelvin(day, lat, lon) for day in _MID_MONTHS for lat in _LATITUDES for lon in _LONGITUDES]
    variables = (
        _Variable(
            "time",
            ("time",),
            "i",
            _MID_MONTHS,
            {
                "standard_name": "time",
                "units": "days since 2026-01-01 00:00:00",
                "calendar": "proleptic_gregorian",
                "axis": "T",
            },
        ),
        _Variable(
            "lat", ("lat",), "d", _LATITUDES, {"standard_name": "latitude", "units": "degrees_north", "axis": "Y"}
        ),
        _Variable(
            "lon", ("lon",), "d", _LONGITUDES, {"standard_name": "longitude", "units": "degrees_east", "axis": "X"}
        ),
        _Variable(
            "tas",
            ("time", "lat", "lon"),
            "f",
            field,
            {
                "standard_name": "air_temperature",
                "long_name": "Near-surface air temperature",
                "units": "K",
                "cell_methods": "time: mean",
            },
        ),
    )
    return {variable.name: len(variable.values) for variable in variables[:3]}, variables


def _kelvin(day: int, lat: float, lon: float) -> float:
    latitude, longitude = math.radians(lat), math.radians(lon)
    season = math.cos(2 * math.pi * (day - 196) / 365)  # The north is warmest in mid-July.
    swing = 3 + 9 * (1 + math.cos(longitude)) / 2  # Land swings more than sea.
    return round(300 - 45 * math.sin(latitude) ** 2 + swing * season * math.sin(latitude), 2)


# --- Zarr, version 2


def _zarr(dimensions: Mapping[str, int], variables: Sequence[_Variable]) -> Iterator[Item]:
    documents: dict[str, Any] = {".zgroup": {"zarr_format": 2}, ".zattrs": _TITLE}
    for variable in variables:
        shape = [dimensions[name] for name in variable.dimensions]
        chunk = [_MONTHS_A_CHUNK, *shape[1:]] if len(shape) > 1 else shape
        documents[f"{variable.name}/.zarray"] = {
            "zarr_format": 2,
            "shape": shape,
            "chunks": chunk,
            "dtype": f"<{'i' if variable.code == 'i' else 'f'}{struct.calcsize(variable.code)}",
            "compressor": None,
            "fill_value": None,
            "order": "C",
            "filters": None,
        }
        documents[f"{variable.name}/.zattrs"] = {"_ARRAY_DIMENSIONS": variable.dimensions, **variable.attributes}
        size = math.prod(chunk)
        for number, start in enumerate(range(0, len(variable.values), size)):
            # Only the first dimension is cut, so a chunk is a run of values.
            name = ".".join([str(number), *("0" for _ in shape[1:])])
            data = struct.pack(f"<{size}{variable.code}", *variable.values[start : start + size])
            yield Item(f"{ZARR}/{variable.name}/{name}", "application/octet-stream", data)
    for name, document in documents.items():
        yield _json(name, document)
    yield _json(".zmetadata", {"zarr_consolidated_format": 1, "metadata": documents})


def _json(name: str, document: Any) -> Item:
    return Item(f"{ZARR}/{name}", "application/json", json.dumps(document, indent=2).encode())


# --- netCDF, classic format

_NC_CHAR: Final = 2
_NC_TYPES: Final = {"i": 4, "f": 5, "d": 6}
_NC_DIMENSION: Final = 10
_NC_VARIABLE: Final = 11
_NC_ATTRIBUTE: Final = 12


def _netcdf(dimensions: Mapping[str, int], variables: Sequence[_Variable]) -> bytes:
    bodies = [struct.pack(f">{len(each.values)}{each.code}", *each.values) for each in variables]
    # The head says where each body begins, and is as long with zeros there.
    begin = len(_netcdf_head(dimensions, variables, [(len(body), 0) for body in bodies]))
    places = []
    for body in bodies:
        places.append((len(body), begin))
        begin += len(body)
    return _netcdf_head(dimensions, variables, places) + b"".join(bodies)


def _netcdf_head(
    dimensions: Mapping[str, int], variables: Sequence[_Variable], places: Sequence[tuple[int, int]]
) -> bytes:
    ids = {name: number for number, name in enumerate(dimensions)}
    head = b"CDF\x01" + struct.pack(">i", 0)
    head += _tagged(_NC_DIMENSION, [_name(name) + struct.pack(">i", size) for name, size in dimensions.items()])
    head += _attributes(_TITLE)
    head += _tagged(
        _NC_VARIABLE,
        [
            _name(each.name)
            + struct.pack(f">i{len(each.dimensions)}i", len(each.dimensions), *(ids[name] for name in each.dimensions))
            + _attributes(each.attributes)
            + struct.pack(">iii", _NC_TYPES[each.code], *place)
            for each, place in zip(variables, places, strict=True)
        ],
    )
    return head


def _attributes(attributes: Mapping[str, str]) -> bytes:
    return _tagged(
        _NC_ATTRIBUTE, [_name(name) + struct.pack(">i", _NC_CHAR) + _name(text) for name, text in attributes.items()]
    )


def _tagged(tag: int, entries: Sequence[bytes]) -> bytes:
    return struct.pack(">ii", tag, len(entries)) + b"".join(entries)


def _name(text: str) -> bytes:
    """Return a length and a text, filled up to a multiple of four bytes; attribute values are written so too."""
    data = text.encode()
    return struct.pack(">i", len(data)) + data + bytes(-len(data) % 4)
