-- add-column:features.small.close_usd (if named)
-- add a FLOAT64 column, NULL in old rows
CREATE SCHEMA IF NOT EXISTS `a-project.pre_soyoil_copies`;
DROP SNAPSHOT TABLE IF EXISTS `a-project.pre_soyoil_copies.features__small__before_TAG`;
CREATE SNAPSHOT TABLE `a-project.pre_soyoil_copies.features__small__before_TAG` CLONE `a-project.pre_features.small`;
DROP TABLE IF EXISTS `a-project.pre_features.small__soyoil_new`;
CREATE TABLE `a-project.pre_features.small__soyoil_new` (
    `symbol` STRING NOT NULL OPTIONS (description = "the \"symbol\""),
    `day` DATE NOT NULL OPTIONS (description = "the \"day\""),
    `close_usd` FLOAT64 OPTIONS (description = "the \"close_usd\""),
    `close` FLOAT64,
    `n` INT64 OPTIONS (description = "the \"n\""),
    `m` STRUCT<`x` FLOAT64, `depth` INT64> OPTIONS (description = "the \"m\"")
)
PARTITION BY DATE_TRUNC(`day`, MONTH)
CLUSTER BY `symbol`
OPTIONS (description = "A table for tests; it's small.\n{\"contract\": \"features.small\", \"version\": 1, \"hash\": \"HASH\"}");
INSERT INTO `a-project.pre_features.small__soyoil_new` (`symbol`, `day`, `close_usd`, `close`, `n`, `m`)
SELECT
    `symbol`,
    `day`,
    CAST(NULL AS FLOAT64) AS `close_usd`,
    `close`,
    `n`,
    `m`
FROM `a-project.pre_features.small`;
ASSERT (SELECT COUNT(*) FROM `a-project.pre_features.small`) = (SELECT COUNT(*) FROM `a-project.pre_features.small__soyoil_new`) AS "the new features.small has not the rows of the old one";
CREATE OR REPLACE TABLE `a-project.pre_features.small` (
    `symbol` STRING NOT NULL OPTIONS (description = "the \"symbol\""),
    `day` DATE NOT NULL OPTIONS (description = "the \"day\""),
    `close_usd` FLOAT64 OPTIONS (description = "the \"close_usd\""),
    `close` FLOAT64,
    `n` INT64 OPTIONS (description = "the \"n\""),
    `m` STRUCT<`x` FLOAT64, `depth` INT64> OPTIONS (description = "the \"m\"")
)
PARTITION BY DATE_TRUNC(`day`, MONTH)
CLUSTER BY `symbol`
OPTIONS (description = "A table for tests; it's small.\n{\"contract\": \"features.small\", \"version\": 1, \"hash\": \"HASH\"}")
AS SELECT
    `symbol`,
    `day`,
    `close_usd`,
    `close`,
    `n`,
    `m`
FROM `a-project.pre_features.small__soyoil_new`;
DROP TABLE `a-project.pre_features.small__soyoil_new`;
-- rename-column:features.small.close:close_usd (if named)
-- perhaps rename to close_usd; if it is no rename, name add-column:features.small.close_usd and drop-column:features.small.close instead
CREATE SCHEMA IF NOT EXISTS `a-project.pre_soyoil_copies`;
DROP SNAPSHOT TABLE IF EXISTS `a-project.pre_soyoil_copies.features__small__before_TAG`;
CREATE SNAPSHOT TABLE `a-project.pre_soyoil_copies.features__small__before_TAG` CLONE `a-project.pre_features.small`;
ALTER TABLE `a-project.pre_features.small` RENAME COLUMN `close` TO `close_usd`;
-- drop-column:features.small.close (if named)
-- drop a FLOAT64 column
CREATE SCHEMA IF NOT EXISTS `a-project.pre_soyoil_copies`;
DROP SNAPSHOT TABLE IF EXISTS `a-project.pre_soyoil_copies.features__small__before_TAG`;
CREATE SNAPSHOT TABLE `a-project.pre_soyoil_copies.features__small__before_TAG` CLONE `a-project.pre_features.small`;
ALTER TABLE `a-project.pre_features.small` DROP COLUMN `close`;
-- stamp-table:features.small
-- mark the table as of contract version 2; made once all other changes of the table are
ALTER TABLE `a-project.pre_features.small` SET OPTIONS (description = "A table for tests; it's small.\n{\"contract\": \"features.small\", \"version\": 2, \"hash\": \"HASH\"}");
