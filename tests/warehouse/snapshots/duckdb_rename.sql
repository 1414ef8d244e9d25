-- add-column:features.small.close_usd (if named)
-- add a FLOAT64 column, NULL in old rows
CREATE TABLE "catalog"."features"."small__soyoil_new" (
    "symbol" VARCHAR NOT NULL,
    "day" DATE NOT NULL,
    "close_usd" DOUBLE,
    "close" DOUBLE,
    "n" BIGINT,
    "m" STRUCT("x" DOUBLE, "depth" BIGINT)
);
INSERT INTO "catalog"."features"."small__soyoil_new" ("symbol", "day", "close_usd", "close", "n", "m")
SELECT
    "symbol",
    "day",
    CAST(NULL AS DOUBLE) AS "close_usd",
    "close",
    "n",
    "m"
FROM "catalog"."features"."small";
SELECT CASE WHEN NOT ((SELECT COUNT(*) FROM "catalog"."features"."small") = (SELECT COUNT(*) FROM "catalog"."features"."small__soyoil_new")) THEN error('the new features.small has not the rows of the old one') END;
DROP TABLE "catalog"."features"."small";
ALTER TABLE "catalog"."features"."small__soyoil_new" RENAME TO "small";
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 1, "hash": "HASH"}';
-- rename-column:features.small.close:close_usd (if named)
-- perhaps rename to close_usd; if it is no rename, name add-column:features.small.close_usd and drop-column:features.small.close instead
CREATE SCHEMA IF NOT EXISTS "catalog"."soyoil_copies";
CREATE OR REPLACE TABLE "catalog"."soyoil_copies"."features__small__before_TAG" AS SELECT * FROM "catalog"."features"."small";
ALTER TABLE "catalog"."features"."small" RENAME COLUMN "close" TO "close_usd";
-- drop-column:features.small.close (if named)
-- drop a FLOAT64 column
CREATE SCHEMA IF NOT EXISTS "catalog"."soyoil_copies";
CREATE OR REPLACE TABLE "catalog"."soyoil_copies"."features__small__before_TAG" AS SELECT * FROM "catalog"."features"."small";
ALTER TABLE "catalog"."features"."small" DROP COLUMN "close";
-- stamp-table:features.small
-- mark the table as of contract version 2; made once all other changes of the table are
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 2, "hash": "HASH"}';
