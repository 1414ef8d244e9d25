"""Google's own SQL analyzer over the contracts' tables.

BigQuery's dialect is GoogleSQL; the server of the tests understands much that BigQuery refuses,
so every statement that we generate is analysed here as well.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import wasmtime
import zetasql.core.wasm_client
from zetasql.api import CatalogBuilder, TableBuilder
from zetasql.api.type_factory import TypeFactory
from zetasql.core.local_service import ZetaSqlLocalService
from zetasql.types import (
    AnalyzeRequest,
    AnalyzerOptions,
    LanguageFeature,
    LanguageOptions,
    ProductMode,
    TypeKind,
    ZetaSQLBuiltinFunctionOptions,
)
from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2

from soyoil.contracts.contract import Column, TableContract

_KINDS = {
    "STRING": TypeKind.TYPE_STRING,
    "INT64": TypeKind.TYPE_INT64,
    "FLOAT64": TypeKind.TYPE_DOUBLE,
    "BOOL": TypeKind.TYPE_BOOL,
    "DATE": TypeKind.TYPE_DATE,
    "TIMESTAMP": TypeKind.TYPE_TIMESTAMP,
}


def _cached_config() -> wasmtime.Config:
    """Keep the compiled analyzer beside the virtual environment: compiling takes up to a minute."""
    folder = Path(sys.prefix) / "cache"
    folder.mkdir(exist_ok=True)
    settings = folder / "wasmtime.toml"
    settings.write_text(f'[cache]\ndirectory = "{folder / "wasmtime"}"\n', encoding="utf-8")
    config = wasmtime.Config()
    config.cache = str(settings)
    return config


zetasql.core.wasm_client.Config = _cached_config


@functools.cache
def _language() -> LanguageOptions:
    options = LanguageOptions.maximum_features()
    options.product_mode = ProductMode.PRODUCT_EXTERNAL
    # BigQuery has it, and the analyzer counts it to the features of single engines.
    options.enabled_language_features.append(LanguageFeature.FEATURE_ALTER_COLUMN_SET_DATA_TYPE)
    return options


def _type(column: Column) -> Any:
    if column.type == "STRUCT":
        return TypeFactory.create_struct_type([(f.name, _type(f)) for f in column.fields])
    return TypeFactory.create_simple_type(_KINDS[column.type])


class GoogleSql:
    """Analyzer that knows some tables.

    Parameters
    ----------
    tables
        Contract of every table by its name in the statements.
    information_schema
        Datasets, as ``project.dataset``, whose partitions may be looked up.
    """

    def __init__(
        self,
        tables: Mapping[str, TableContract],
        information_schema: Iterable[str] = (),
    ) -> None:
        builder = CatalogBuilder("warehouse").with_builtin_functions(
            ZetaSQLBuiltinFunctionOptions(language_options=_language())
        )
        for name, contract in tables.items():
            table = TableBuilder(name)
            for column in contract.columns:
                table.add_column(column.name, _type(column))
            builder.add_table(table.build())
        self._catalog = builder.build()
        for dataset in information_schema:
            self._catalog.catalog.append(_information_schema(dataset))
        self._options = AnalyzerOptions(language_options=_language())
        self._service = ZetaSqlLocalService.get_instance()

    def analyze(self, sql: str) -> None:
        """Check a statement; raises what BigQuery would say if it is wrong."""
        request = AnalyzeRequest(
            sql_statement=sql, options=self._options, simple_catalog=self._catalog
        )
        # Not by way of zetasql.api.Analyzer: it turns the answer, a MB for a wide table, into
        # Python objects for seconds.
        self._service.wasm_client.call_grpc_func(
            "ZetaSqlLocalService_Analyze",
            request.to_proto(),
            local_service_pb2.AnalyzeResponse,
        )


def _information_schema(dataset: str) -> Any:
    partitions = TableBuilder("PARTITIONS")
    for name, kind in (
        ("table_name", "STRING"),
        ("partition_id", "STRING"),
        ("total_rows", "INT64"),
    ):
        partitions.add_column(name, _KINDS[kind])
    inner = CatalogBuilder("INFORMATION_SCHEMA").add_table(partitions.build()).build()
    outer = CatalogBuilder(dataset).build()
    outer.catalog.append(inner)
    return outer
