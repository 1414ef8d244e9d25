"""Feature catalogue: the contracts as a Markdown page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from soyoil.contracts.contract import Column, TableContract

_HEADER = (
    "| column | type | unit | meaning | source | known when | nullable | range | role |",
    "|---|---|---|---|---|---|---|---|---|",
)
_PREFACE = (
    "Generated from the table contracts; do not edit. Source and knowledge time of a column are "
    "those of its table where they are blank."
)


def catalogue_markdown(contracts: Mapping[str, TableContract] | Iterable[TableContract]) -> str:
    """Render contracts, one section and table each, in the order of the table names.

    Parameters
    ----------
    contracts
        Contracts, or a mapping to them as `contract.load_contracts` gives.

    Returns
    -------
    str
        Markdown that depends on the contracts only.
    """
    found = contracts.values() if isinstance(contracts, Mapping) else contracts
    lines = ["# Warehouse tables", "", _PREFACE, ""]
    for contract in sorted(found, key=lambda c: c.name):
        lines += [f"## {contract.name}", "", _one_line(contract.description), ""]
        lines += [f"- {fact}" for fact in _facts(contract)]
        lines += ["", *_HEADER, *_table_rows(contract), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _facts(contract: TableContract) -> Iterator[str]:
    for what, text in (("source", contract.source), ("known when", contract.known_when)):
        if text:
            yield f"{what}: {_one_line(text)}"
    yield f"version {contract.version}, key {_names(contract.key)}"
    by = f" by {_names(contract.sync_by)}" if contract.sync_by else ""
    if contract.sync_provenance:
        generated = ", ".join(contract.sync_provenance)
        yield f"written by {contract.write_mode}; {generated} rows by sync{by}"
    else:
        yield f"written by {contract.write_mode}{by}"
    if contract.partition:
        yield f"partitioned by {contract.partition.granularity} of `{contract.partition.column}`"
    if contract.cluster:
        yield f"clustered by {_names(contract.cluster)}"
    if contract.known_at_column:
        yield f"a row is known at `{contract.known_at_column}`"
    if contract.single_provenance:
        yield "holds rows of one provenance only"


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table_rows(contract: TableContract) -> Iterator[str]:
    roles = contract.roles()
    for dotted, column in contract.flat_columns().items():
        cells = (
            f"`{dotted}`",
            column.type,
            column.unit or "",
            column.description,
            *_origin(contract, dotted),
            "yes" if column.nullable else "no",
            _range(column),
            roles[dotted],
        )
        yield "| " + " | ".join(_one_line(cell).replace("|", "\\|") for cell in cells) + " |"


def _origin(contract: TableContract, dotted: str) -> tuple[str, str]:
    """Source and knowledge time where they are not those of the table."""
    source, known_when = None, None
    columns = contract.columns
    for part in dotted.split("."):
        column = next(c for c in columns if c.name == part)
        source, known_when = column.source or source, column.known_when or known_when
        columns = column.fields
    return source or "", known_when or ""


def _range(column: Column) -> str:
    if column.allowed is not None:
        return ", ".join(column.allowed)
    parts = []
    if column.minimum is not None:
        parts.append(f">= {column.minimum:g}")
    if column.exclusive_minimum is not None:
        parts.append(f"> {column.exclusive_minimum:g}")
    if column.maximum is not None:
        parts.append(f"<= {column.maximum:g}")
    return ", ".join(parts)


def _one_line(text: str) -> str:
    return " ".join(text.split())
