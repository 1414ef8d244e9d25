"""Wrong parameters: keys and values of every block, in a file and on the command line."""

from __future__ import annotations

from mistakes import LOCAL, Mistake, local, swap

REGIME_FILE = "conf/base/parameters_regimes.yml"
HUGE = "1" + "0" * 30

# what stands in conf/local/parameters.yml, and what the message must say
WRITTEN: dict[str, tuple[str, ...]] = {
    # The file as a whole.
    "profil: full": ("profil", "did you mean 'profile'"),
    "profile: medium": ("'profile'", "'medium'", "'quick' or 'full'"),
    "profile: null": ("'profile'", "'quick' or 'full'"),
    "profile: [quick]": ("'profile'", "'quick' or 'full'"),
    "sourse: {kind: synthetic}": ("sourse", "did you mean 'source'"),
    # source
    "source: synthetic": ("'source'", "'synthetic'", "key: value"),
    "source: null": ("'source'", "key: value"),
    "source: {kid: synthetic}": ("source.kid", "did you mean 'source.kind'"),
    "source: {path: 5}": ("source.path", "5", "string"),
    "source: {path: [a, b]}": ("source.path", "string"),
    "source: {symbols: []}": ("source.symbols", "at least 1"),
    "source: {symbols: ZLL}": ("ZLL", "source.symbols", "did you mean ZL"),
    "source: {symbols: 5}": ("source.symbols", "5", "A+B"),
    "source: {symbols: [ZL, 5]}": ("source.symbols", "5", "string"),
    "source: {symbols: [ZL, ZL]}": ("source.symbols", "ZL", "more than once"),
    "source: {symbols: ZL+}": ("source.symbols", "''"),
    "source: {symbols: 'ZL,ZS'}": ("ZL,ZS", "ZL"),
    "source: {replace: everthing}": ("source.replace", "'everthing'", "'everything'"),
    "source: {replace: true}": ("source.replace", "True", "'nothing'"),
    "source: {download: {mode: rnge}}": ("source.download.mode", "'rnge'", "'range'"),
    "source: {download: {mode: range}}": ("source.download.mode", "source.kind", "synthetic"),
    "source: {download: {kind: contract}}": ("source.download.kind", "contract", "'contracts'"),
    "source: {kind: databento, path: bars, download: {contracts_path: ./bars}}": (
        "source.download.contracts_path", "source.path=bars", "a folder of their own",
    ),
    "source: {download: {max_cost: 5}}": ("max_cost", "max_cost_usd"),
    "source: {download: {end: 2010-06-06}}": ("source.download.end", "2010-06-06"),
    "source: {synthetic: {seed: -1}}": ("source.synthetic.seed", "-1", "0"),
    "source: {synthetic: {seed: 1.5}}": ("source.synthetic.seed", "1.5", "integer"),
    f"source: {{synthetic: {{seed: {HUGE}}}}}": ("source.synthetic.seed", "64 bits"),
    "source: {synthetic: {sed: 1}}": ("source.synthetic.sed", "source.synthetic.seed"),
    "source: {synthetic: {start: 2030-02-30}}": ("source.synthetic.start", "2030-02-30"),
    "source: {synthetic: {start: 20300101}}": ("start", "20300101", "YYYY-MM-DD"),
    "source: {synthetic: {start: 1999-12-31}}": ("1999-12-31", "2000-01-01"),
    "source: {synthetic: {end: 2009-01-01}}": ("synthetic.end", "before synthetic.start"),
    "source: {synthetic: {end: yesterday}}": ("source.synthetic.end", "yesterday", "date"),
    "source: {synthetic: {signal: plantd}}": ("source.synthetic.signal", "'null' or 'planted'"),
    "source: {synthetic: {signal: null}}": ("source.synthetic.signal", "'null' or 'planted'"),
    "source: {synthetic: {signal_strength: 0.9}}": ("signal_strength", "0.9", "0.8"),
    "source: {synthetic: {tail_df: .inf}}": ("source.synthetic.tail_df", "inf", "finite"),
    "source: {synthetic: {tail_df: .nan}}": ("source.synthetic.tail_df", "nan", "finite"),
    # target
    "target: {symbol: XX}": ("target.symbol", "XX"),
    "target: {symbol: 5}": ("target.symbol", "5", "string"),
    "target: {sybol: ZL}": ("target.sybol", "did you mean 'target.symbol'"),
    # split
    "split: {plan: walkforward}": ("split.plan", "'walkforward'", "'walk_forward'"),
    "split: {warm_up: -1}": ("split.warm_up", "-1", "0"),
    "split: {warm_up: true}": ("warm_up", "True", "no number"),
    "split: {warm_up: '12:30'}": ("split.warm_up", "12:30", "integer"),
    "split: {warm_up: 12:30}": (LOCAL, "line 1", "12:30", "base of 60"),
    "split: {warm_up: 0300}": (LOCAL, "line 1", "0300", "base of 8"),
    "split: {min_train_rows: 0}": ("split.min_train_rows", "0", "1"),
    "split: {first_origin: 2016}": ("first_origin", "2016", "YYYY-MM-DD"),
    "split: {first_origin: 04.01.2016}": ("split.first_origin", "04.01.2016", "date"),
    "split: {first_origin: 2016-01-04T25:00:00}": ("split.first_origin",),
    "split: {last_origin: 2010-01-01}": ("split.last_origin", "2010-01-01", "2016-01-04"),
    "split: {origins: wekly}": ("split.origins", "'wekly'", "'all' or 'weekly'"),
    "split: {plan: cpcv}": ("split.plan", "'cpcv'", "'walk_forward' or 'fixed'"),
    "split: {groups: 7}": ("split.groups",),
    "split: {calibration_sessions: 21}": ("split.calibration_sessions",),
    "split: {valid_sessions: 1e9}": ("split.valid_sessions", "1000000000", "250 sessions"),
    "split: {refit_every: 0}": ("split.refit_every", "0", "1"),
    "split: []": ("'split'", "[]", "key: value"),
    # weights
    "weights: {scheme: uniqueness}": ("weights.scheme", "'uniqueness'", "'regime_uniqueness'"),
    "weights: {decay_halflife_sessions: 10}": ("decay_halflife_sessions", "regime_decay"),
    "weights: {scheme: regime_decay, decay_halflife_sessions: .5}": ("halflife", "0.5", "integer"),
    # fit
    "fit: {seed: null}": ("fit.seed", "None", "integer"),
    "fit: {seed: abc}": ("fit.seed", "abc", "integer"),
    "fit: {seed: 4294967296}": ("fit.seed", "4294967296", "32 bits"),
    "fit: {workers: -1}": ("fit.workers", "-1", "0"),
    "fit: {workers: 100000}": ("fit.workers", "100000", "each worker is a process"),
    "fit: {threads: 0}": ("fit.threads", "0", "1"),
    "fit: {threads: yes}": (LOCAL, "line 1", "yes", "true or false"),
    "fit: {target_kind: vol-scaled}": ("fit.target_kind", "'vol-scaled'", "'vol_scaled'"),
    "fit: {shrink: 'no'}": ("fit.shrink", "'no'", "true or false"),
    "fit: {shrink: no}": (LOCAL, "line 1", "no", "true or false"),
    "fit: {shrink: 1}": ("fit.shrink", "1", "true or false"),
    "fit: {shrink: 0.0}": ("fit.shrink", "0.0", "true or false"),
    "fit: {shrink: 't'}": ("fit.shrink", "'t'", "true or false"),
    "fit: {shrink: null}": ("fit.shrink", "None", "true or false"),
    "fit: {rows_per_label: 1.5}": ("fit.rows_per_label", "1.5", "integer"),
    "fit: {feature_groups: pivot}": ("pivot", "pivots"),
    "fit: {feature_groups: 7}": ("fit.feature_groups", "7"),
    # engines
    "lightgbm: {learning_rate: 0}": ("lightgbm.learning_rate", "0", "greater than 0"),
    "lightgbm: {learning_rate: 7}": ("lightgbm.learning_rate", "7", "less than or equal to 1"),
    "lightgbm: {learning_rate: .inf}": ("lightgbm.learning_rate", "inf", "finite"),
    "lightgbm: {num_leave: 3}": ("lightgbm.num_leave", "did you mean 'lightgbm.num_leaves'"),
    "lightgbm: {num_leaves: 1}": ("lightgbm.num_leaves", "1", "2"),
    "lightgbm: {n_estimators: 1e12}": ("lightgbm.n_estimators", "fit noise"),
    "lightgbm: {bagging_fraction: true}": ("bagging_fraction", "True", "no number"),
    "lightgbm: 5": ("'lightgbm'", "5", "key: value"),
    "lightgbm: {max_depth: 3}": ("lightgbm.max_depth", "known keys", "lightgbm.num_leaves"),
    "xgboost: {max_depth: 65}": ("xgboost.max_depth", "65", "more leaves than rows"),
    "xgboost: {max_depth: 3.7}": ("xgboost.max_depth", "3.7", "integer"),
    "xgboost: {reg_lambda: -0.1}": ("xgboost.reg_lambda", "-0.1", "0"),
    "xgboost: {subsample: '0,5'}": ("xgboost.subsample", "0,5", "number"),
    "xgboost: {eta: 0.1}": ("xgboost.eta", "xgboost.learning_rate"),
    "tft: {hidden_size: 15}": ("hidden_size=15", "attention_heads=2"),
    "tft: {features: []}": ("features", "at least one"),
    "tft: {features: [market_data.retrun_1d]}": ("retrun_1d", "market_data.return_1d"),
    "tft: {device: gpu}": ("tft.device", "'gpu'", "'cuda'"),
    "tft: {dropout: 1}": ("tft.dropout", "1", "less than 1"),
    "tft: {gradient_clip: .nan}": ("tft.gradient_clip", "nan", "finite"),
    "tft: {batch_size: 10000000}": ("tft.batch_size", "10000000", "training set"),
    # sweep
    "sweep: {horizon: 2w}": ("sweep.horizon", "'2w'", "1w, 1m"),
    "sweep: {horizon: 1w+1w}": ("sweep.horizon", "twice"),
    "sweep: {model: lgbm}": ("sweep.model", "'lgbm'", "'lightgbm'"),
    "sweep: {trials: 0}": ("sweep.trials", "0", "1"),
    "sweep: {timeout_s: -5}": ("sweep.timeout_s", "-5", "0"),
    "sweep: {pruner: media}": ("sweep.pruner", "'media'", "'median'"),
    "sweep: {inner: {folds: 0}}": ("sweep.inner.folds", "0", "1"),
    "sweep: {inner: {fold: 2}}": ("sweep.inner.fold", "did you mean 'sweep.inner.folds'"),
    "sweep: {storage: nowhere}": ("sweep.storage",),
    "sweep: {space: {lightgbm: {lightgbm: {num_leaves: {kind: int, low: 9, high: 3}}}}}": (
        "num_leaves", "low=9", "high=3",
    ),
    "sweep: {space: {lightgbm: {lightgbm: {num_leafs: {kind: int, low: 2, high: 3}}}}}": (
        "num_leafs", "did you mean 'lightgbm.num_leaves'",
    ),
    "sweep: {space: {lightgbm: {fit: {shrink: {kind: bool}}}}}": ("shrink", "'int'", "'choice'"),
    "sweep: {space: {lightgbm: {fit: {seed: {kind: int, low: 1, high: 3}}}}}": (
        "fit.seed", "choosing noise",
    ),
    # compare
    "compare: {runs: a}": ("compare.runs", "A+B"),
    "compare: {horizon: 1y}": ("compare.horizon", "'1y'", "12m"),
    "compare: {date_from: 2021-01-01, date_to: 2020-01-01}": ("date_to", "before", "date_from"),
    "compare: {min_share: 2}": ("compare.min_share", "2", "less than or equal to 1"),
    "compare: {latest: true}": ("latest", "True", "no number"),
    # panel
    "panel: {symbols: ZLL}": ("ZLL", "panel.symbols", "did you mean ZL"),
    "panel: {symbols: 5}": ("panel.symbols", "5", "A+B"),
    "panel: {symbols: [ZL, ZL]}": ("panel.symbols", "ZL", "more than once"),
    "panel: {symbol: ZL}": ("panel.symbol", "did you mean 'panel.symbols'"),
    "panel: {exclude: ES+XX}": ("XX", "panel.exclude"),
    "panel: {symbols: [CL, ES], exclude: [ZL]}": ("panel.exclude", "ZL", "CL+ES"),
    "panel: {symbols: [CL, ES], exclude: [CL, ES]}": ("panel.exclude", "CL+ES", "mean"),
    "panel: {engines: lightgbn}": ("lightgbn", "panel.engines", "did you mean 'lightgbm'"),
    "panel: {engines: [tft, tft]}": ("panel.engines", "tft", "more than once"),
    "panel: {min_rows: 1}": ("panel.min_rows", "1", "2"),
    "panel: {min_rows: 30000}": ("panel.min_rows", "30000", "250 sessions"),
    "panel: []": ("'panel'", "[]", "key: value"),
    # tracking, audit
    "tracking: {experiment: ''}": ("tracking.experiment", "at least 1"),
    "tracking: {experiment: 5}": ("tracking.experiment", "5", "string"),
    "tracking: {uri: x}": ("tracking.uri", "known keys", "tracking.experiment"),
    "audit: {fail_on: errors}": ("audit.fail_on", "'errors'", "'error'"),
    "audit: {max_rows: 0}": ("audit.max_rows", "0", "1"),
    "audit: {banned_vendors: 3}": ("audit.banned_vendors", "3"),
    "audit: {stale_day: 3}": ("audit.stale_day", "did you mean 'audit.stale_days'"),
    # regimes
    "regimes: []": ("regime", "empty"),
    "regimes: {name: x}": ("regimes", "list"),
    "regimes: [normal]": ("regimes.0", "'normal'", "key: value"),
}  # fmt: skip

# change of the second regime, and what the message must say
REGIMES_CHANGED: dict[tuple[str, str], tuple[str, ...]] = {
    ("weight: 300", "weight: 0"): ("regimes.1.weight", "0", "greater than 0"),
    ("weight: 300", "weight: .inf"): ("regimes.1.weight", "inf", "finite"),
    ("weight: 300", "weight: 1e300"): ("regimes.1.weight", "1e+300", "less than or equal to"),
    ("weight: 300", "weight: heavy"): ("regimes.1.weight", "heavy", "number"),
    ("weight: 300", "wieght: 300"): ("regimes.1.wieght", "did you mean", "weight"),
    ("start: 2018-03-01", "start: 2018-04-01"): ("trade_war_2018_2019", "gap"),
    ("start: 2018-03-01", "start: 20180301"): ("start", "20180301", "YYYY-MM-DD"),
    ("end: 2020-01-01", "end: 2010-01-01"): ("trade_war_2018_2019", "2010-01-01", "not after"),
    ("name: trade_war_2018_2019", "name: trade war"): ("regimes.1.name", "trade war", "letters"),
    ("name: trade_war_2018_2019", "name: normal_pre_2018"): ("normal_pre_2018", "twice"),
    ("description: US-China tariffs on soybeans", "description: ''"): ("regimes.1.description",),
}

# value of --params, and what the message must say
GIVEN: dict[str, tuple[str, ...]] = {
    "profile": ("profile", "key and a value"),
    "=5": ("key",),
    "profile=": ("'profile'", "'quick' or 'full'"),
    "fit.seed=": ("fit.seed",),
    "fit.seed=0300": ("fit.seed", "0300", "base of 8"),
    "split.warm_up=12:30": ("split.warm_up", "12:30", "base of 60"),
    "fit.shrink=no": ("fit.shrink", "no", "true or false"),
    "fit.shrink='no'": ("fit.shrink", "no", "true or false"),
    "fit.sede=1": ("fit.sede", "did you mean 'fit.seed'"),
    "fit=5": ("'fit'", "5", "key: value"),
    "fit.seed.x=5": ("fit.seed", "integer"),
    "fit=5,fit.seed=3": ("fit",),
    "fit.seed=1,fit.seed=2": ("fit.seed", "twice"),
    "fit.seed={": ("fit.seed", "{"),
    "fit.seed=[1": ("fit.seed", "[1"),
    "fit.seed=${nope}": ("fit.seed", "nope"),
    "fit.seed=???": ("fit.seed", "???"),
    "regimes.1.weight=5": ("regimes", "list"),
    "lightgbm.learning_rate=0,05": ("05", "key and a value"),
    "source.kind=databento": ("source.kind=databento", "source.path"),
    "Profile=quick": ("'Profile'", "did you mean 'profile'"),
    "fit seed=3": ("fit seed", "did you mean"),
    "fit..seed=3": ("'fit.'", "known keys"),
    "5=3": ("5", "unknown parameter"),
    "panel.exclude=ZL+ZLL": ("ZLL", "panel.exclude"),
    "split.first_origin=2016-1-4": ("split.first_origin", "2016-1-4", "date"),
}

CASES: tuple[Mistake, ...] = (
    *(Mistake(f"local: {text}", says, local(text + "\n")) for text, says in WRITTEN.items()),
    *(
        Mistake(f"regimes: {new}", says, (swap(REGIME_FILE, old, new),))
        for (old, new), says in REGIMES_CHANGED.items()
    ),
    *(
        Mistake(f"--params={text}", says, command=("run", "--pipeline=regimes", f"--params={text}"))
        for text, says in GIVEN.items()
    ),
    *(
        Mistake(f"plan --params={text}", says, command=("warehouse", "plan", f"--params={text}"))
        for text, says in {
            "fit.seed=0300": ("fit.seed", "0300", "base of 8"),
            "fit.shrink=no": ("fit.shrink", "no", "true or false"),
            "fit.sede=1": ("fit.sede", "did you mean 'fit.seed'"),
            "profile": ("profile", "key and a value"),
            "source.kind=bloomberg": (
                "source.kind",
                "'bloomberg'",
                "'synthetic', 'databento' or 'warehouse'",
            ),
        }.items()
    ),
    *(
        Mistake(f"apply --params={text}", says, command=("warehouse", "apply", f"--params={text}"))
        for text, says in {
            "fit.seed=12:30": ("fit.seed", "12:30", "base of 60"),
            "audit.banned_vendor=x": ("did you mean 'audit.banned_vendors'",),
        }.items()
    ),
)
