"""Data sets: tables in roles, loaders of well-known tables, a simulator with known truth.

`load` takes a name, a file or a table and gives a `Dataset`; `split` cuts it into parts;
`simulate_census` draws a table whose every rate is known; `long_tailed_rows` makes classes rare.
"""

from equipoise.data.dataset import Dataset
from equipoise.data.errors import DataError
from equipoise.data.image_groups import GENDER_WORDS, Cells, ImageGroups, load_image_groups
from equipoise.data.images import Images, load_images, read_idx
from equipoise.data.known import known_tables
from equipoise.data.load import load
from equipoise.data.long_tail import long_tailed_counts, long_tailed_rows
from equipoise.data.read import missing_as_null, read_table, table_suffix, write_table
from equipoise.data.simulate import Census, simulate_census
from equipoise.data.split import split
from equipoise.data.waterbirds import Waterbirds, read_waterbirds

__all__ = [
    "GENDER_WORDS",
    "Cells",
    "Census",
    "DataError",
    "Dataset",
    "ImageGroups",
    "Images",
    "Waterbirds",
    "known_tables",
    "load",
    "load_image_groups",
    "load_images",
    "long_tailed_counts",
    "long_tailed_rows",
    "missing_as_null",
    "read_idx",
    "read_table",
    "read_waterbirds",
    "simulate_census",
    "split",
    "table_suffix",
    "write_table",
]
