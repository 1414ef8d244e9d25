-- add-column:features.small.last
-- add a BOOL column, NULL in old rows
ALTER TABLE `a-project.pre_features.small` ADD COLUMN `last` BOOL OPTIONS (description = "the \"last\"");
-- stamp-table:features.small
-- mark the table as of contract version 2
ALTER TABLE `a-project.pre_features.small` SET OPTIONS (description = "A table for tests; it's small.\n{\"contract\": \"features.small\", \"version\": 2, \"hash\": \"HASH\"}");
