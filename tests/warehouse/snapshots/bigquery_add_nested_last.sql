-- add-column:features.small.m.y
-- add a STRING column, NULL in old rows
ALTER TABLE `a-project.pre_features.small` ADD FIELD `m`.`y` STRING,
    ADD FIELD `m`.`w` DATE -- by the API: tables.update;
-- add-column:features.small.m.w
-- add a DATE column, NULL in old rows; made by the SQL of add-column:features.small.m.y
-- stamp-table:features.small
-- mark the table as of contract version 2
ALTER TABLE `a-project.pre_features.small` SET OPTIONS (description = "A table for tests; it's small.\n{\"contract\": \"features.small\", \"version\": 2, \"hash\": \"HASH\"}");
