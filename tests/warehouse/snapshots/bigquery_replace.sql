-- replace-table:features.small (if named)
-- create the empty table anew in the form of the contract, its own fields kept; F. (m)
ASSERT NOT EXISTS (SELECT 1 FROM `a-project.pre_features.small`) AS "features.small was empty and holds rows now";
DROP TABLE `a-project.pre_features.small`;
CREATE TABLE `a-project.pre_features.small` (
    `symbol` STRING NOT NULL OPTIONS (description = "the \"symbol\""),
    `day` DATE NOT NULL OPTIONS (description = "the \"day\""),
    `close` FLOAT64 OPTIONS (description = "the \"close\""),
    `n` INT64 OPTIONS (description = "the \"n\""),
    `m` STRUCT<`x` FLOAT64, `depth` INT64, `mine` STRING> OPTIONS (description = "the \"m\"")
)
PARTITION BY DATE_TRUNC(`day`, MONTH)
CLUSTER BY `symbol`
OPTIONS (description = "A table for tests; it's small.");
