-- create-table:features.small
-- create the table, 5 columns
CREATE TABLE `a-project.pre_features.small` (
    `symbol` STRING NOT NULL OPTIONS (description = "the \"symbol\""),
    `day` DATE NOT NULL OPTIONS (description = "the \"day\""),
    `close` FLOAT64 OPTIONS (description = "the \"close\""),
    `n` INT64 OPTIONS (description = "the \"n\""),
    `m` STRUCT<`x` FLOAT64, `depth` INT64> OPTIONS (description = "the \"m\"")
)
PARTITION BY DATE_TRUNC(`day`, MONTH)
CLUSTER BY `symbol`
OPTIONS (description = "A table for tests; it's small.\n{\"contract\": \"features.small\", \"version\": 1, \"hash\": \"HASH\"}");
-- drop-view:features.all (if named)
-- drop the view; Drop it. (dead)
DROP VIEW `a-project.pre_features.all`;
-- drop-table:features.other (if named)
-- drop the table; Drop it. (dead)
CREATE SCHEMA IF NOT EXISTS `a-project.pre_soyoil_copies`;
DROP SNAPSHOT TABLE IF EXISTS `a-project.pre_soyoil_copies.features__other__before_TAG`;
CREATE SNAPSHOT TABLE `a-project.pre_soyoil_copies.features__other__before_TAG` CLONE `a-project.pre_features.other`;
DROP TABLE `a-project.pre_features.other`;
-- drop-dataset:z_archive (if named)
-- drop the dataset and all that it holds; Drop it. (dead)
DROP VIEW `a-project.pre_z_archive.two`;
ASSERT NOT EXISTS (SELECT 1 FROM `a-project.pre_z_archive.one`) AS "z_archive.one was empty and holds rows now";
DROP TABLE `a-project.pre_z_archive.one`;
DROP SCHEMA `a-project.pre_z_archive`;
