CREATE TABLE IF NOT EXISTS `test-project.soyoil_synthetic_features.small` (
    `symbol` STRING NOT NULL OPTIONS (description = "root"),
    `data_date` DATE NOT NULL OPTIONS (description = "session"),
    `provenance` STRING NOT NULL OPTIONS (description = "origin"),
    `seen` TIMESTAMP OPTIONS (description = "time"),
    `m` STRUCT<`x` FLOAT64, `n` INT64, `P` BOOL, `tag` STRING> OPTIONS (description = "values")
)
PARTITION BY `data_date`
CLUSTER BY `symbol`
OPTIONS (description = "What it is.\n{}")
