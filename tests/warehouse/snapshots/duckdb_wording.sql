-- stamp-table:features.small
-- mark the table as of contract version 1
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 1, "hash": "HASH"}';
