-- stamp-table:features.small
-- mark the table as of contract version 1
ALTER TABLE `a-project.pre_features.small` SET OPTIONS (description = "Said otherwise.\n{\"contract\": \"features.small\", \"version\": 1, \"hash\": \"HASH\"}");
