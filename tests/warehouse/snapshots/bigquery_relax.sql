-- relax-column:features.small.close
-- allow NULL
ALTER TABLE `a-project.pre_features.small` ALTER COLUMN `close` DROP NOT NULL;
-- stamp-table:features.small
-- mark the table as of contract version 2
ALTER TABLE `a-project.pre_features.small` SET OPTIONS (description = "A table for tests; it's small.\n{\"contract\": \"features.small\", \"version\": 2, \"hash\": \"HASH\"}");
