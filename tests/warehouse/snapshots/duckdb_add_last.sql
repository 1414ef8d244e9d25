-- add-column:features.small.last
-- add a BOOL column, NULL in old rows
ALTER TABLE "catalog"."features"."small" ADD COLUMN "last" BOOLEAN;
-- stamp-table:features.small
-- mark the table as of contract version 2
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 2, "hash": "HASH"}';
