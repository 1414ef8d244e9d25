-- widen-column:features.small.n
-- INT64 becomes FLOAT64; integers beyond 2**53 are rounded
ALTER TABLE `a-project.pre_features.small` ALTER COLUMN `n` SET DATA TYPE FLOAT64;
-- stamp-table:features.small
-- mark the table as of contract version 2
ALTER TABLE `a-project.pre_features.small` SET OPTIONS (description = "A table for tests; it's small.\n{\"contract\": \"features.small\", \"version\": 2, \"hash\": \"HASH\"}");
