-- require-column:features.small.close (if named)
-- refuse NULL
CREATE SCHEMA IF NOT EXISTS "catalog"."soyoil_copies";
CREATE OR REPLACE TABLE "catalog"."soyoil_copies"."features__small__before_TAG" AS SELECT * FROM "catalog"."features"."small";
SELECT CASE WHEN NOT (NOT EXISTS (SELECT 1 FROM "catalog"."features"."small" WHERE "close" IS NULL)) THEN error('features.small has rows without close, which is required') END;
ALTER TABLE "catalog"."features"."small" ALTER COLUMN "close" SET NOT NULL;
-- stamp-table:features.small
-- mark the table as of contract version 2; made once all other changes of the table are
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 2, "hash": "HASH"}';
