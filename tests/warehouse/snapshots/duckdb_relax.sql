-- relax-column:features.small.close
-- allow NULL
ALTER TABLE "catalog"."features"."small" ALTER COLUMN "close" DROP NOT NULL;
-- stamp-table:features.small
-- mark the table as of contract version 2
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 2, "hash": "HASH"}';
