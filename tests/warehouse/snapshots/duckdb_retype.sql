-- retype-column:features.small.n (if named)
-- INT64 becomes STRING
CREATE SCHEMA IF NOT EXISTS "catalog"."soyoil_copies";
CREATE OR REPLACE TABLE "catalog"."soyoil_copies"."features__small__before_TAG" AS SELECT * FROM "catalog"."features"."small";
CREATE TABLE "catalog"."features"."small__soyoil_new" (
    "symbol" VARCHAR NOT NULL,
    "day" DATE NOT NULL,
    "close" DOUBLE,
    "n" VARCHAR,
    "m" STRUCT("x" DOUBLE, "depth" BIGINT)
);
INSERT INTO "catalog"."features"."small__soyoil_new" ("symbol", "day", "close", "n", "m")
SELECT
    "symbol",
    "day",
    "close",
    CAST("n" AS VARCHAR) AS "n",
    "m"
FROM "catalog"."features"."small";
SELECT CASE WHEN NOT ((SELECT COUNT(*) FROM "catalog"."features"."small") = (SELECT COUNT(*) FROM "catalog"."features"."small__soyoil_new")) THEN error('the new features.small has not the rows of the old one') END;
DROP TABLE "catalog"."features"."small";
ALTER TABLE "catalog"."features"."small__soyoil_new" RENAME TO "small";
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 1, "hash": "HASH"}';
-- retype-column:features.small.m.depth (if named)
-- INT64 becomes TIMESTAMP; INT64 cannot become TIMESTAMP: the values are lost
CREATE SCHEMA IF NOT EXISTS "catalog"."soyoil_copies";
CREATE OR REPLACE TABLE "catalog"."soyoil_copies"."features__small__before_TAG" AS SELECT * FROM "catalog"."features"."small";
CREATE TABLE "catalog"."features"."small__soyoil_new" (
    "symbol" VARCHAR NOT NULL,
    "day" DATE NOT NULL,
    "close" DOUBLE,
    "n" BIGINT,
    "m" STRUCT("x" DOUBLE, "depth" TIMESTAMPTZ)
);
INSERT INTO "catalog"."features"."small__soyoil_new" ("symbol", "day", "close", "n", "m")
SELECT
    "symbol",
    "day",
    "close",
    "n",
    CASE WHEN "m" IS NULL THEN NULL ELSE struct_pack("x" := "m"."x", "depth" := CAST(NULL AS TIMESTAMPTZ)) END AS "m"
FROM "catalog"."features"."small";
SELECT CASE WHEN NOT ((SELECT COUNT(*) FROM "catalog"."features"."small") = (SELECT COUNT(*) FROM "catalog"."features"."small__soyoil_new")) THEN error('the new features.small has not the rows of the old one') END;
DROP TABLE "catalog"."features"."small";
ALTER TABLE "catalog"."features"."small__soyoil_new" RENAME TO "small";
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 1, "hash": "HASH"}';
-- stamp-table:features.small
-- mark the table as of contract version 2; made once all other changes of the table are
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 2, "hash": "HASH"}';
