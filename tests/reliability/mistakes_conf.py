"""Damaged files of ``conf/``, wrong catalogs, wrong connections, secrets in wrong places."""

from __future__ import annotations

from mistakes import LOCAL, Mistake, add, drop, folder, local, put, swap

BASE = "conf/base/parameters.yml"
GLOBALS = "conf/base/globals.yml"
CATALOG = "conf/base/catalog.yml"
LOGGING = "conf/base/logging.yml"
SECRET = "hunter2hunter2"
TABLE = "regime_weights:\n  <<: *warehouse"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(6)
)

# what stands in conf/local/parameters.yml, and what the message must say
DAMAGE: dict[str, tuple[str | bytes, tuple[str, ...]]] = {
    "tab": ("fit:\n\tseed: 1\n", ("line 2", "tab", "spaces")),
    "key twice": ("fit: {seed: 1}\nfit: {threads: 1}\n", ("line 2", "'fit'", "second time")),
    "key twice below": ("fit:\n  seed: 1\n  seed: 2\n", ("line 3", "'seed'", "second time")),
    "latin-1": ("tracking: {experiment: Börse}\n".encode("latin-1"), ("UTF-8",)),
    "UTF-16": ("profile: full\n".encode("utf-16"), ("UTF-8",)),
    "bytes of zero": (b"profile: full\n" + bytes(512), ("no YAML",)),
    "still to be given": ("fit:\n  seed: ???\n", ("line 2", "???")),
    "two documents": ("profile: full\n---\nprofile: quick\n", ("2 documents", "keep one")),
    "alias bomb": (BOMB, ("aliases", "at most")),
    "alias of nothing": ("fit: *fit\n", ("line 1", "alias")),
    "alias of itself": ("fit: &a\n  seed: *a\n", ("alias",)),
    "list": ("- profile: full\n", ("list", "key: value")),
    "one word": ("full\n", ("single value", "key: value")),
    "open quote": ("profile: 'full\n", ("no YAML", "line")),
    "open bracket": ("fit: {seed: 1\n", ("no YAML", "line")),
    "no space after the colon": ("profile:full\n", ("single value", "key: value")),
    "indentation": ("fit:\n  seed: 1\n threads: 1\n", ("no YAML", "line 3")),
    "nested too deep": ("a: " + "[" * 1500, ("nested",)),
    "a merge mark of git": ("<<<<<<< HEAD\nprofile: full\n=======\n", ("no YAML", "line")),
    "a tag": ("profile: !secret full\n", ("!secret", "line 1")),
    "a Python tag": ("profile: !!python/name:os.getcwd x\n", ("python", "line 1")),
    "interpolation of nothing": ("profile: ${globals:profil}\n", ("profil", "globals")),
    "interpolation of no variable": ("profile: ${oc.env:SOYOIL_NOPE}\n", ("profile", "oc.env")),
    "interpolation cut off": ("profile: ${globals\n", ("profile", "${globals")),
    "interpolation of itself": ("fit: {seed: '${fit.seed}'}\n", ("fit.seed",)),
    "unknown resolver": ("profile: ${nope:1}\n", ("nope", "profile")),
    "date that is none": (
        "split: {first_origin: 2016-13-45}\n",
        ("2016-13-45", "split.first_origin", "date"),
    ),
    "a number as key": ("5: full\n", ("line 1", "5", "quotes")),
    "true as key": ("true: full\n", ("line 1", "true", "quotes")),
}

# change of conf/base/globals.yml, and what the message must say
CONNECTION: dict[tuple[str, str], tuple[str, ...]] = {
    ("source_kind: synthetic", "source_kind: sythetic"): ("source.kind", "'sythetic'"),
    ("source_kind: synthetic", "source_kin: synthetic"): ("source_kind", "globals"),
    ("source_kind: synthetic", "source_kind: [synthetic]"): ("source.kind", "['synthetic']"),
    ("  backend: duckdb", "  backend: postgres"): ("backend", "'postgres'", "'duckdb'"),
    ("  backend: duckdb", "  backend: null"): ("backend", "'duckdb'"),
    ("  backend: duckdb", "  backed: duckdb"): ("backed", "backend"),
    ("  path: ", "  pth: "): ("pth", "path", "globals.yml"),
    ("  path: ", "  path: 5 #"): ("path", "5"),
    ("warehouse/<source_kind>", "warehouse/<kind>"): ("<kind>", "<source_kind>"),
    ("${data_folder:}/", "${data_foldr:}/"): ("data_foldr",),
    ("  backend: duckdb", "  busy_timeout_s: -1"): ("busy_timeout_s", "-1", "0"),
    ("  backend: duckdb", "  busy_timeout_s: .inf"): ("busy_timeout_s", "inf", "finite"),
    ("  backend: duckdb", "  busy_timeout_s: 1e300"): ("busy_timeout_s", "less than or equal"),
    ("  backend: duckdb", "  busy_timeout_s: true"): ("busy_timeout_s", "True", "number"),
    ("warehouse:\n", "warehouse: here\nother:\n"): ("warehouse", "'here'", "key: value"),
    ("warehouse:\n", "warehouse: []\nother:\n"): ("warehouse", "[]", "key: value"),
    ("warehouse:\n", "werehouse:\n"): ("warehouse", "globals"),
    ("warehouse_credentials: null", "warehouse_credentials: gcp"): ("gcp", "credentials.yml"),
}

# change of conf/bigquery/globals.yml, and what the message must say
BIGQUERY: dict[tuple[str, str], tuple[str, ...]] = {
    ("project: null", "project: null"): ("GOOGLE_CLOUD_PROJECT", "project"),
    ("project: null", "project: My Project"): ("project", "'My Project'", "project id"),
    ("project: null", "project: 1234567890"): ("project", "1234567890"),
    ("us-central1", "''"): ("location", "at least 1"),
    ("10737418240", "0"): ("maximum_bytes_billed", "0", "greater than 0"),
    ("10737418240", "10 GiB"): ("maximum_bytes_billed", "10 GiB", "integer"),
    ("10737418240", "1e300"): ("maximum_bytes_billed", "integer"),
    ("10737418240", "1\n  timeout_s: 1e9"): ("timeout_s", "less than or equal"),
    ("10737418240", "1\n  timeout_s: 0"): ("timeout_s", "greater than 0"),
    ("10737418240", "1\n  job_timeout_s: 1e9"): ("job_timeout_s", "less than or equal"),
    ("10737418240", "1\n  job_timeout_s: .nan"): ("job_timeout_s", "finite"),
    ("10737418240", "1\n  endpoint: localhost"): ("endpoint", "localhost", "http"),
    ("10737418240", "1\n  endpoint: http://localhost:1"): ("endpoint", "storage_endpoint"),
    ("10737418240", "1\n  storage_endpoint: localhost:1"): ("endpoint", "storage_endpoint"),
    ("soyoil_<source_kind>_", "soyoil-<source_kind>-"): ("dataset_prefix", "letters"),
    ("  location:", "  dataset: x\n  location:"): ("dataset", "dataset_prefix"),
}

# change of conf/base/catalog.yml, and what the message must say
CATALOGS: dict[tuple[str, str], tuple[str, ...]] = {
    ("type: soyoil.datasets.warehouse.Ware", "type: soyoil.datasets.warehouse.Wear"): (
        "WearhouseTableDataset",
        "regime_weights",
    ),
    ("type: soyoil.datasets.warehouse.", "type: soyoil.dataset.warehouse."): (
        "soyoil.dataset.warehouse",
        "regime_weights",
    ),
    ("  type: soyoil.datasets.warehouse.W", "  typ: soyoil.datasets.warehouse.W"): (
        "_ohlcv_1d",
        "no `type`",
        "'typ'",
    ),
    ("type: soyoil.datasets.warehouse.WarehouseTableDataset", "type: 5"): ("type", "5"),
    ("type: soyoil.datasets.warehouse.WarehouseTableDataset", "type: pathlib.Path"): (
        "pathlib.Path",
        "regime_weights",
    ),
    ("table: training.regime_weights", "tabl: training.regime_weights"): ("tabl", "regime_weights"),
    ("table: training.regime_weights", "table: trainng.regime_weights"): (
        "trainng.regime_weights",
    ),
    ("table: training.regime_weights", "table: training.regime_weight"): (
        "training.regime_weight",
        "did you mean",
    ),
    ("table: training.regime_weights", "table: 5"): ("warehouse table 5", "dataset.table"),
    ("regime_weights:\n", "regime_weigths:\n"): ("regime_weights", "catalog"),
    ("regime_weights:\n", '"{weights":\n'): ("regime_weights",),
    ("connection: ${globals:warehouse}", "connection: here"): ("warehouse", "here"),
    ("connection: ${globals:warehouse}", "connection: ${globals:werehouse}"): ("werehouse",),
    ("connection: ${globals:warehouse}", "conection: ${globals:warehouse}"): ("conection",),
    (TABLE, "regime_weights: 5\nx:\n  <<: *warehouse"): ("regime_weights", "5"),
    (TABLE, "regime_weights: null\nx:\n  <<: *warehouse"): ("regime_weights",),
    ("type: pandas.CSVDataset", "type: pandas.CSVDatset"): ("CSVDatset", "quarantine"),
    ("type: pandas.CSVDataset", "type: pands.CSVDataset"): ("pands.CSVDataset", "quarantine"),
    ("filepath: ${data_folder:}/08_reporting/quarantine.csv", "filepth: q.csv"): (
        "quarantine",
        "filepth",
    ),
    ("save_args: {index: false}", "credentials: nobody"): ("nobody", "credentials"),
    ("class: soyoil.datasets.schemas.FrameValidator", "class: soyoil.datasets.schemas.Frame"): (
        "labels",
        "soyoil.datasets.schemas.Frame",
    ),
}

LOGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "tab": ("version: 1\nhandlers:\n\trich: {}\n", ("tab", "line 3")),
    "empty": ("", ("version",)),
    "version": ("version: 2\n", ("version", "2")),
    "class": (
        "version: 1\nhandlers:\n  rich: {class: kedro.logging.RichHandlr}\n", ("RichHandlr",),
    ),
    "level": ("version: 1\nroot: {level: LOUD}\n", ("LOUD",)),
    "handler": ("version: 1\nroot: {handlers: [nope]}\n", ("nope",)),
    "list": ("- version\n", ("list", "key: value")),
    "octal": ("version: 01\n", ("01", "base of 8")),
}  # fmt: skip


def _ingest(name: str) -> tuple[str, ...]:
    """A command whose pipeline holds the dataset."""
    return ("run", f"--pipeline={name}")


CASES: tuple[Mistake, ...] = (
    *(
        Mistake(f"file: {name}", says, (put(LOCAL, text),))
        for name, (text, says) in DAMAGE.items()
    ),
    Mistake("base parameters empty", ("parameter", "'profile'", "missing"), (put(BASE, ""),)),
    Mistake("base parameters deleted", ("parameter", "'profile'", "missing"), (drop(BASE),)),
    Mistake("base parameters a folder", (BASE, "directory"), (folder(BASE),)),
    Mistake("globals deleted", ("source_kind", "globals"), (drop(GLOBALS),)),
    Mistake("globals empty", ("source_kind", "globals"), (put(GLOBALS, ""),)),
    Mistake("catalog deleted", ("regime_weights", "catalog"), (drop(CATALOG),)),
    Mistake("catalog empty", ("regime_weights", "catalog"), (put(CATALOG, ""),)),
    Mistake(
        "local is a file",
        ("conf/local", "directory"),
        (lambda root: (root / "conf/local").rmdir(), put("conf/local", "")),
    ),
    Mistake(
        "equal keys in two files of base",
        ("parameters_fit.yml", "parameters.yml", "fit.seed"),
        (put("conf/base/parameters_fit.yml", "fit: {seed: 3}\n"),),
    ),
    Mistake(
        "equal keys in two files of local",
        ("parameters.yml", "parameters_b.yml", "profile"),
        (*local("profile: full\n"), put("conf/local/parameters_b.yml", "profile: full\n")),
    ),
    Mistake(
        "equal datasets in two catalogs",
        ("catalog_b.yml", "catalog.yml", "quarantine"),
        (put("conf/base/catalog_b.yml", "quarantine: {type: pandas.CSVDataset}\n"),),
    ),
    Mistake(
        "a second file of globals",
        ("globals_b.yml", "read by nothing", "globals.yml"),
        (put("conf/base/globals_b.yml", "source_kind: databento\n"),),
    ),
    Mistake(
        "JSON cut off", ("parameters_b.json", "no YAML"),
        (put("conf/local/parameters_b.json", '{"fit": {"seed": 1'),),
    ),
    Mistake(
        "JSON with a key twice", ("parameters_b.json", "'profile'", "second time"),
        (put("conf/local/parameters_b.json", '{"profile": "full", "profile": "quick"}'),),
    ),
    *(
        Mistake(f"globals: {new.strip()}", says, (swap(GLOBALS, old, new),))
        for (old, new), says in CONNECTION.items()
    ),
    *(
        Mistake(
            f"bigquery: {new.strip()}",
            says,
            (
                swap("conf/bigquery/globals.yml", "project: null", "project: a-project-1"),
                swap("conf/bigquery/globals.yml", "project: a-project-1", "project: null"),
                *(
                    ()
                    if "project: null" in old
                    else (swap("conf/bigquery/globals.yml", "project: null", "project: a-prj-1"),)
                ),
                swap("conf/bigquery/globals.yml", old, new),
            ),
            (*_ingest("regimes"), "--env=bigquery"),
        )
        for (old, new), says in BIGQUERY.items()
    ),
    *(
        Mistake(
            f"catalog: {old.strip()} -> {new.strip()}", says, (swap(CATALOG, old, new),),
            _ingest("ingest" if "CSV" in old or "q.csv" in new or "save" in old
                    else "split" if "class" in old else "regimes"),
        )
        for (old, new), says in CATALOGS.items()
    ),
    *(
        Mistake(f"logging: {name}", (*says, "logging.yml"), (put(LOGGING, text),), fresh=True)
        for name, (text, says) in LOGS.items()
    ),
    *(
        Mistake(f"file named {name}", (name, "read by nothing", near), (put(name, "a: 1\n"),))
        for name, near in {
            "conf/local/paramters.yml": "'parameters.yml'",
            "conf/local/credential.yml": "'credentials.yml'",
            "conf/base/catlog_b.yml": "'catalog.yml'",
            "conf/local/global.yml": "'globals.yml'",
            "conf/local/globals.yaml": "'globals.yml'",
        }.items()
    ),
    # secrets
    Mistake(
        "password in a parameter", ("'password'", "unknown"), local(f"password: {SECRET}\n"),
        hides=(SECRET,),
    ),
    Mistake(
        "password below a parameter", ("tracking.password", "unknown"),
        local(f"tracking: {{password: {SECRET}}}\n"), hides=(SECRET,),
    ),
    Mistake(
        "token in --params", ("databento_api_key", "unknown"), hides=(SECRET,),
        command=("run", f"--params=databento_api_key={SECRET}"),
    ),
    Mistake(
        "token read as YAML 1.1", ("api_token", "base of 8"), hides=("0123456701234567",),
        command=("run", "--params=api_token=0123456701234567"),
    ),
    Mistake(
        "token read as YAML 1.1 in a file", (LOCAL, "line 1", "base of 8"),
        local("api_token: 0123456701234567\n"), hides=("0123456701234567",),
    ),
    Mistake(
        "password in a choice", ("profile",), local(f"profile: 'postgresql://me:{SECRET}@host'\n"),
        hides=(SECRET,),
    ),
    Mistake(
        "password in the address of a study", ("sweep.storage", "password"),
        local(f"sweep: {{storage: 'postgresql://me:{SECRET}@host/db'}}\n"), hides=(SECRET,),
    ),
    Mistake(
        "password in the connection", ("password",), hides=(SECRET,),
        edits=(swap(GLOBALS, "  backend: duckdb", f"  password: {SECRET}"),),
    ),
    Mistake(
        "password in an address as the path of bars", ("source.path",), hides=(SECRET,),
        writes=("data/.lock",),
        command=("run", "--pipeline=ingest",
                 f"--params=source.kind=databento,source.path=https://me:{SECRET}@host/x"),
    ),
    Mistake(
        "credentials damaged", ("credentials.yml", "no YAML"), hides=(SECRET,),
        edits=(put("conf/local/credentials.yml", f"gcp: {{private_key: '{SECRET}\n"),),
    ),
    Mistake(
        "credentials a list", ("credentials.yml", "list"), hides=(SECRET,),
        edits=(put("conf/local/credentials.yml", f"- password: {SECRET}\n"),),
    ),
    Mistake(
        "credentials read as YAML 1.1", ("credentials.yml", "base of 8"), hides=("01234567",),
        edits=(put("conf/local/credentials.yml", "gcp: {password: 01234567}\n"),),
    ),
    Mistake(
        "key of a service account without its fields", ("service account", "credentials.yml"),
        hides=(SECRET,), writes=("data/.lock",), command=(*_ingest("regimes"), "--env=bigquery"),
        edits=(
            put("conf/bigquery/credentials.yml", f"gcp: {{private_key: {SECRET}}}\n"),
            swap("conf/bigquery/globals.yml", "project: null", "project: a-prj-1"),
            swap("conf/bigquery/globals.yml", "warehouse_credentials: null",
                 "warehouse_credentials: gcp"),
        ),
    ),
    Mistake(
        "key file that is not there", ("nowhere.json",), writes=("data/.lock",),
        command=(*_ingest("regimes"), "--env=bigquery"),
        edits=(
            put("conf/bigquery/credentials.yml", "gcp: {keyfile: nowhere.json}\n"),
            swap("conf/bigquery/globals.yml", "project: null", "project: a-prj-1"),
            swap("conf/bigquery/globals.yml", "warehouse_credentials: null",
                 "warehouse_credentials: gcp"),
        ),
    ),
)  # fmt: skip

HARMLESS: tuple[Mistake, ...] = (
    Mistake("byte-order mark", (), (put(LOCAL, "\ufeffprofile: full\n"),)),
    Mistake("empty file", (), (put(LOCAL, ""),)),
    Mistake("comment only", (), (put(LOCAL, "# nothing\n"),)),
    Mistake("CRLF", (), (put(LOCAL, "profile: full\r\nfit: {seed: 3}\r\n"),)),
    Mistake("text in quotes", (), (put(LOCAL, "tracking: {experiment: '12:30'}\n"),)),
    Mistake("JSON", (), (put("conf/local/parameters_b.json", '{"profile": "full"}'),)),
    Mistake("comment at the end", (), (add(BASE, "# no\n"),)),
    Mistake("nothing", ()),
    Mistake("no logging.yml", (), (drop(LOGGING),), fresh=True),
    Mistake("a file of another tool", (), (put("conf/base/spark.yml", "a: 1\n"),)),
)
