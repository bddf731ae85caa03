"""Apache Parquet, by pyarrow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headgate.ledger.exports.columns import COLUMNS, Kind
from headgate.money import to_decimal
from headgate.storage.records import LedgerRow

GROUP_ROWS = 20_000
"""Rows of a row group: what is held at once, some 10 MB."""


class _Sink:
    """A file that is only ever written, and emptied in between."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        self._size += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        made = b"".join(self._pieces)
        self._pieces.clear()
        return made


class Parquet:
    """Money is decimal128 with 12 digits after the point, times are microseconds UTC, tags a map of texts."""

    media_type = "application/vnd.apache.parquet"
    suffix = "parquet"

    def __init__(self) -> None:
        """
        Raises:
            ImportError: pyarrow is not installed.
        """
        try:
            import pyarrow as pa  # some 60 MB of libraries, for whoever asks for them
            import pyarrow.parquet as pq
        except ImportError as error:
            raise ImportError("Parquet needs its extra: pip install 'headgate[parquet]'") from error
        self._arrow: Any = pa
        kinds: dict[Kind, Any] = {
            "text": pa.string(),
            "count": pa.int64(),
            "money": pa.decimal128(38, 12),
            "time": pa.timestamp("us", tz="UTC"),
            "truth": pa.bool_(),
            "tags": pa.map_(pa.string(), pa.string()),
            "list": pa.list_(pa.string()),
        }
        self._schema: Any = pa.schema([pa.field(column.name, kinds[column.kind]) for column in COLUMNS])
        self._sink = _Sink()
        self._writer: Any = pq.ParquetWriter(pa.PythonFile(self._sink, mode="w"), self._schema, compression="zstd")
        self._held: list[LedgerRow] = []

    def feed(self, rows: Iterable[LedgerRow]) -> bytes:
        for row in rows:
            self._held.append(row)
            if len(self._held) >= GROUP_ROWS:
                self._group()
        return self._sink.taken()

    def close(self) -> bytes:
        if self._held:
            self._group()
        self._writer.close()
        return self._sink.taken()

    def _group(self) -> None:
        arrow, held = self._arrow, self._held
        arrays: list[Any] = []
        for column, field in zip(COLUMNS, self._schema, strict=True):
            values = [column.get(row) for row in held]
            if column.kind == "money":
                values = [None if value is None else to_decimal(value) for value in values]
            arrays.append(arrow.array(values, type=field.type))
        self._writer.write_table(arrow.Table.from_arrays(arrays, schema=self._schema), row_group_size=len(held))
        held.clear()
