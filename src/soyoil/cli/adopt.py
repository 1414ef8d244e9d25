"""``kedro warehouse adopt``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import pandas as pd
import yaml
from kedro.framework.session import KedroSession

from soyoil.adoption.columns import parse_columns
from soyoil.adoption.rows import Adoption, prepare
from soyoil.base.data_folder import data_folder, locked
from soyoil.base.errors import ContractError, WarehouseError
from soyoil.base.suggest import did_you_mean
from soyoil.cli.errors import ending_clearly
from soyoil.cli.options import run_options
from soyoil.contracts.contract import TableContract, load_contracts
from soyoil.forecast.ledger import check_chain
from soyoil.params import check_parameters
from soyoil.regimes.table import RegimeConfig, regime_frame

FOLDER: Final = "08_reporting"
REGIMES_FILE: Final = "adopted_regimes.yml"
_FIELDS: Final = {"regime_name": "name", "start_date": "start", "end_date": "end"}


def _parameters(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of the regime table as they stand under ``regimes`` in the parameters."""
    plain = rows.rename(columns=_FIELDS).sort_values("start")
    dates = plain.select_dtypes("datetime").columns
    for name in dates:
        plain[name] = plain[name].dt.date.astype("object").where(plain[name].notna(), None)
    return [{str(k): v for k, v in row.items()} for row in plain.to_dict("records")]


def _check_regimes(rows: pd.DataFrame) -> None:
    regime_frame([RegimeConfig.model_validate(entry) for entry in _parameters(rows)])


def _write_regimes(rows: pd.DataFrame, folder: Path) -> str:
    path = folder / REGIMES_FILE
    text = yaml.safe_dump({"regimes": _parameters(rows)}, sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding="utf-8")
    return (
        "`--pipeline=regimes`, and so `train`, writes this table from the parameters `regimes`: "
        f"copy {path} to parameters_regimes.yml in the environment that you run, or its rows are "
        "written over by the next run."
    )


@dataclass(frozen=True)
class _Adoptable:
    """A contract whose rows may come from elsewhere.

    Attributes
    ----------
    dataset
        Of the catalog, which writes as pipelines do.
    check
        Of all rows together.
    replaces
        Whether rows may take the place of others.
    after
        What else is written, and what to do next.
    """

    dataset: str
    check: Callable[[pd.DataFrame], None]
    replaces: bool
    after: Callable[[pd.DataFrame, Path], str] | None = None


ADOPTABLE: Final[Mapping[str, _Adoptable]] = {
    "training.regime_weights": _Adoptable("regime_weights", _check_regimes, True, _write_regimes),
    "forecasts.zl_predictions": _Adoptable("forecast_ledger", check_chain, False),
}
"""What a person or an earlier ledger made. All else is computed from bars, and a copy of it would
not be what it says it is."""


def _contract(name: str) -> TableContract:
    """Contract that rows may be copied into.

    Raises
    ------
    ContractError
        There is none, or its rows are made by pipelines only.
    """
    contracts = load_contracts()
    if name not in contracts:
        raise ContractError(
            f"{name} is no table of soyoil's.{did_you_mean(name, contracts)} adopt copies into "
            f"{' or '.join(ADOPTABLE)}."
        )
    if name not in ADOPTABLE:
        how = (
            "Its rows say which bars they were made from and when they could be known, which a "
            "copy cannot. To use bars of your own, read them as the source: "
            "--params=source.kind=warehouse,source.table=<your table>."
            if name.startswith("market_data.")
            else "A row says what was known at its date, which nothing can check in a copy. Run "
            "`kedro run --pipeline=features` on bars of your own."
        )
        raise ContractError(
            f"{name} cannot be adopted: pipelines compute it, and write it anew. {how} adopt "
            f"copies into {' or '.join(ADOPTABLE)}."
        )
    return contracts[name]


def _adopt(
    *, source: str, contract: str, columns: str | None, dry_run: bool, **options: Any
) -> None:
    with ending_clearly():
        given = parse_columns(columns)
        wanted = _contract(contract)
        session = KedroSession.create(
            env=options["env"], conf_source=options["conf_source"], runtime_params=options["params"]
        )
        with session:
            context = session.load_context()
            check_parameters(context.config_loader["parameters"])
            inspector = context.catalog.load("warehouse_inspector")
            kind = ADOPTABLE[contract]
            made = prepare(inspector, wanted, source, given, kind.check)
            for line in made.report.lines():
                click.echo(line)
            if made.report.replaced and not kind.replaces:
                raise WarehouseError(
                    f"{made.report.target} holds {made.report.replaced:,} rows, and a ledger is "
                    "never written over: adopt one before the first forecast, or into another "
                    "dataset_prefix. Nothing was written."
                )
            if dry_run:
                click.echo("Nothing was written, because of --dry-run.")
                return
            folder = data_folder(context.project_path)
            with locked(folder, "kedro warehouse adopt"):
                context.catalog.save(kind.dataset, made.rows)
                there = context.catalog.load(kind.dataset)
                _record(made, folder / FOLDER)
            click.echo(f"{len(there):,} rows are in {made.report.target}; {source} is as it was.")
            if kind.after is not None:
                click.echo(kind.after(made.rows, folder / FOLDER))


def _record(made: Adoption, folder: Path) -> None:
    """Write the report, and the rows that were set aside."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"warehouse_adopted_{made.report.contract}"
    report = made.report.model_copy(update={"written": True})
    path = folder / f"{stem}.json"
    path.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    click.echo(f"The report is in {path}.")
    aside = folder / f"{stem}_set_aside.csv"
    aside.unlink(missing_ok=True)
    if len(made.aside):
        made.aside.to_csv(aside, index=False)
        click.echo(f"What was set aside is in {aside}.")


adopt = click.Command(
    name="adopt",
    callback=_adopt,
    help="Copy SOURCE, a table or view of yours, into CONTRACT, a table of soyoil's own: "
    "training.regime_weights or forecasts.zl_predictions. Your table stays as it is.",
    epilog="Example: kedro warehouse adopt mine.regimes training.regime_weights --dry-run",
    params=[
        click.Argument(["source"]),
        click.Argument(["contract"]),
        *run_options("env", "params", "conf_source"),
        click.Option(
            ["--columns"],
            help="Columns that are not guessed rightly, <of the contract>=<of your table>, "
            "separated by commas; none for one that may be empty.",
        ),
        click.Option(["--dry-run"], is_flag=True, help="Only show what would be copied."),
    ],
)
