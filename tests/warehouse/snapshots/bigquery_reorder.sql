-- reorder-columns:features.small (if named)
-- bring the columns into the order of the contract
CREATE SCHEMA IF NOT EXISTS `a-project.pre_soyoil_copies`;
DROP SNAPSHOT TABLE IF EXISTS `a-project.pre_soyoil_copies.features__small__before_TAG`;
CREATE SNAPSHOT TABLE `a-project.pre_soyoil_copies.features__small__before_TAG` CLONE `a-project.pre_features.small`;
DROP TABLE IF EXISTS `a-project.pre_features.small__soyoil_new`;
CREATE TABLE `a-project.pre_features.small__soyoil_new` (
    `symbol` STRING NOT NULL OPTIONS (description = "the \"symbol\""),
    `day` DATE NOT NULL OPTIONS (description = "the \"day\""),
    `m` STRUCT<`depth` INT64, `x` FLOAT64> OPTIONS (description = "the \"m\""),
    `close` FLOAT64 OPTIONS (description = "the \"close\""),
    `n` INT64 OPTIONS (description = "the \"n\"")
)
PARTITION BY DATE_TRUNC(`day`, MONTH)
CLUSTER BY `symbol`
OPTIONS (description = "A table for tests; it's small.\n{\"contract\": \"features.small\", \"version\": 1, \"hash\": \"HASH\"}");
INSERT INTO `a-project.pre_features.small__soyoil_new` (`symbol`, `day`, `m`, `close`, `n`)
SELECT
    `symbol`,
    `day`,
    CASE WHEN `m` IS NULL THEN NULL ELSE STRUCT(`m`.`depth` AS `depth`, `m`.`x` AS `x`) END AS `m`,
    `close`,
    `n`
FROM `a-project.pre_features.small`;
ASSERT (SELECT COUNT(*) FROM `a-project.pre_features.small`) = (SELECT COUNT(*) FROM `a-project.pre_features.small__soyoil_new`) AS "the new features.small has not the rows of the old one";
CREATE OR REPLACE TABLE `a-project.pre_features.small` (
    `symbol` STRING NOT NULL OPTIONS (description = "the \"symbol\""),
    `day` DATE NOT NULL OPTIONS (description = "the \"day\""),
    `m` STRUCT<`depth` INT64, `x` FLOAT64> OPTIONS (description = "the \"m\""),
    `close` FLOAT64 OPTIONS (description = "the \"close\""),
    `n` INT64 OPTIONS (description = "the \"n\"")
)
PARTITION BY DATE_TRUNC(`day`, MONTH)
CLUSTER BY `symbol`
OPTIONS (description = "A table for tests; it's small.\n{\"contract\": \"features.small\", \"version\": 1, \"hash\": \"HASH\"}")
AS SELECT
    `symbol`,
    `day`,
    `m`,
    `close`,
    `n`
FROM `a-project.pre_features.small__soyoil_new`;
DROP TABLE `a-project.pre_features.small__soyoil_new`;
-- stamp-table:features.small
-- mark the table as of contract version 2; made once all other changes of the table are
ALTER TABLE `a-project.pre_features.small` SET OPTIONS (description = "A table for tests; it's small.\n{\"contract\": \"features.small\", \"version\": 2, \"hash\": \"HASH\"}");
