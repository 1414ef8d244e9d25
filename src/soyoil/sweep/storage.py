"""Address of a database that several sweeps share, which holds no secret."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from soyoil.base.redact import is_secret_name, redact

REMEDY: Final = (
    "Parameters are logged with every run. Give the password in PGPASSWORD or in ~/.pgpass, which "
    "PostgreSQL's client reads (MySQL: ~/.my.cnf; others: the driver's own environment or file), "
    "and the user in the address or in PGUSER: postgresql+psycopg://host/name"
)
_PATHS: Final = ("passfile", "sslkey", "sslcert", "sslrootcert", "service")
"""Options that name a file or an entry of one instead of holding a secret."""


def check_address(address: str) -> None:
    """Refuse what is no address of SQLAlchemy, or holds a secret.

    The messages repeat nothing of the address.

    Parameters
    ----------
    address
        For example ``postgresql+psycopg://user@host/name``.

    Raises
    ------
    ValueError
        Naming the part that holds the secret, and where it belongs.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(address.strip())
    except (ArgumentError, ValueError):
        raise ValueError(
            "must be an address such as postgresql+psycopg://host/name, not key=value pairs. "
            f"{REMEDY}"
        ) from None
    if url.password is not None or ":" in (url.username or ""):
        raise ValueError(f"must not hold a password. {REMEDY}")
    for name, values in url.normalized_query.items():
        if name.lower() in _PATHS:
            continue
        found = " ".join(unquote(unquote(value)) for value in values)
        if is_secret_name(name) or "@" in found or redact(found) != found:
            # The name itself may be what was pasted.
            where = f"the option {name}" if name.isidentifier() and len(name) < 20 else "an option"
            raise ValueError(f"must not hold a secret, and {where} may. {REMEDY}")
    rest = unquote(unquote(f"{url.host or ''} {url.database or ''}"))
    is_file = url.get_backend_name() in ("sqlite", "duckdb")
    if redact(rest) != rest or ("@" in rest and not is_file):
        raise ValueError(f"must not hold a secret in host or database. {REMEDY}")
