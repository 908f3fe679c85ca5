"""netCDF files to Zarr in the store and back, Zarr 2 and 3, consolidated and not, http and https."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import s3fs  # type: ignore[import-untyped]
import xarray
from tests.serving import Key, Store


@pytest.fixture(scope="module")
def netcdf(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three files as a model writes them: packed values, gaps, times, a scalar and texts."""
    folder = tmp_path_factory.mktemp("netcdf")
    files = []
    for year in (2019, 2020, 2021):
        random = np.random.default_rng(year)
        tas = (280 + 10 * random.random((4, 9, 18))).astype("float32")
        tas[0, 0, 0] = np.nan
        dataset = xarray.Dataset(
            {
                "tas": (("time", "lat", "lon"), tas, {"units": "K", "standard_name": "air_temperature"}),
                "quality": (("time", "lat", "lon"), random.integers(0, 4, (4, 9, 18), dtype="int8")),
                "station": (("lat",), np.array([f"größe {row}" for row in range(9)])),
            },
            {
                "time": np.array([f"{year}-{month:02}-01" for month in (1, 4, 7, 10)], dtype="datetime64[ns]"),
                "lat": np.linspace(-80, 80, 9),
                "lon": np.arange(18) * 20.0,
                "height": 2.0,
            },
            {"Conventions": "CF-1.11", "title": "made up"},
        )
        files.append(folder / f"tas-{year}.nc")
        packed = {"dtype": "int16", "scale_factor": 0.001, "add_offset": 285.0, "_FillValue": -32768}
        dataset.to_netcdf(files[-1], engine="netcdf4", encoding={"tas": packed})
    return files


# Zarr 3 has no fixed-length texts in its specification yet, and no consolidated metadata; both work.
@pytest.mark.filterwarnings("ignore:Consolidated metadata", "ignore:The data type")
@pytest.mark.parametrize("side", ["inside", "outside"])
@pytest.mark.parametrize(("zarr_format", "consolidated"), [(2, True), (2, False), (3, True), (3, False)])
def test_netcdf_files_come_back_from_zarr_as_they_were(
    store: Store,
    key: Key,
    bucket: str,
    netcdf: list[Path],
    side: str,
    zarr_format: int,
    consolidated: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(store.ca))
    filesystem = s3fs.S3FileSystem(
        anon=False,
        key=key.token,
        secret=key.secret,
        client_kwargs={"endpoint_url": store.endpoint_url if side == "inside" else store.secure_endpoint_url},
    )
    filesystem.mkdir(bucket)
    with xarray.open_mfdataset(netcdf, engine="netcdf4", data_vars="all") as source:
        target = s3fs.S3Map(f"{bucket}/zarr-data", s3=filesystem)
        source.chunk(time=5).to_zarr(store=target, mode="w", zarr_format=zarr_format, consolidated=consolidated)
        back = xarray.open_zarr(s3fs.S3Map(f"{bucket}/zarr-data", s3=filesystem), consolidated=consolidated)
        xarray.testing.assert_identical(back.load(), source.load())
        part = xarray.open_zarr(target, consolidated=consolidated).tas.isel(time=-1, lat=slice(2, 4))
        xarray.testing.assert_identical(part.load(), source.tas.isel(time=-1, lat=slice(2, 4)).load())
    names = {name.rpartition("/")[2] for name in filesystem.find(f"{bucket}/zarr-data")}
    assert ("zarr.json" in names) == (zarr_format == 3)
    assert (".zmetadata" in names) == (zarr_format == 2 and consolidated)


def test_appending_and_overwriting_a_region_are_seen_at_once(
    store: Store, key: Key, bucket: str, netcdf: list[Path]
) -> None:
    options: Any = {"key": key.token, "secret": key.secret, "client_kwargs": {"endpoint_url": store.endpoint_url}}
    s3fs.S3FileSystem(**options).mkdir(bucket)
    url = f"s3://{bucket}/zarr-data"
    first, second = (xarray.open_dataset(path, engine="netcdf4").load()[["quality"]] for path in netcdf[:2])
    for each in (first, second):
        each["quality"].encoding = {}
    first.to_zarr(url, storage_options=options, mode="w", zarr_format=2, consolidated=True)
    second.to_zarr(url, storage_options=options, append_dim="time", consolidated=True)
    whole = xarray.open_zarr(url, storage_options=options, consolidated=True).load()
    assert whole.sizes["time"] == 8
    np.testing.assert_array_equal(whole.quality[4:], second.quality)
