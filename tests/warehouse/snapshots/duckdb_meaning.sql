-- restamp-table:features.small (if named)
-- mark the table as of contract version 2; its rows were written under version 1, whose columns look the same but mean something else in version 2
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 2, "hash": "HASH"}';
