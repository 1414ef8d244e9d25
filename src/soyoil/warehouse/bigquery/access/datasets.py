"""What datasets have to be like, and how changes of structure keep to BigQuery's pace."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from soyoil.base.errors import WarehouseError
from soyoil.warehouse.bigquery.access.errors import is_rate_limit
from soyoil.warehouse.bigquery.access.settings import BigQueryConnection

if TYPE_CHECKING:
    from google.cloud import bigquery

logger = logging.getLogger(__name__)

PAUSES_S: Final = (3.0, 6.0, 12.0, 24.0)
"""Pauses before a change of structure is tried again; the window of the limit is ten seconds."""

T = TypeVar("T")


def check_dataset(found: bigquery.Dataset, connection: BigQueryConnection) -> None:
    """Refuse a dataset in which tables would not be what the connection asks for.

    Raises
    ------
    WarehouseError
        It lies in another location, or encrypts its tables with another key.
    """
    name = f"{found.project}.{found.dataset_id}"
    if found.location.lower() != connection.location.lower():
        raise WarehouseError(
            f"the dataset {name} lies in {found.location}, and the connection says "
            f"{connection.location}: set `location: {found.location}` under `warehouse` in "
            "conf/bigquery/globals.yml, or use another dataset_prefix"
        )
    wanted = connection.kms_key_name
    configuration = found.default_encryption_configuration
    key = configuration.kms_key_name if configuration is not None else None
    if wanted and key != wanted:
        raise WarehouseError(
            f"tables of the dataset {name} would be encrypted with {key or 'the key of Google'}, "
            "and kms_key_name is another one; nothing was written. Run ALTER SCHEMA "
            f"`{name}` SET OPTIONS (default_kms_key_name = '{wanted}'), or correct kms_key_name "
            "under `warehouse` in conf/bigquery/globals.yml"
        )


def repeated_when_limited(change: Callable[[], T], *, once: bool = False) -> T:
    """Make a change of structure, and again after a pause where it came too soon.

    Parameters
    ----------
    change
        Does nothing where it is refused for its rate.
    once
        Whether it may have done something before it was refused, so that it is not repeated.
    """
    for pause in () if once else PAUSES_S:
        try:
            return change()
        except WarehouseError as error:
            if not is_rate_limit(error.__cause__):
                raise
            logger.info("%s Trying again in %g s.", error, pause)
            time.sleep(pause)
    return change()
