-- add-column:features.small.m.depth_lots (if named)
-- add a INT64 column, NULL in old rows
CREATE TABLE "catalog"."features"."small__soyoil_new" (
    "symbol" VARCHAR NOT NULL,
    "day" DATE NOT NULL,
    "close" DOUBLE,
    "n" BIGINT,
    "m" STRUCT("x" DOUBLE, "depth_lots" BIGINT, "depth" BIGINT)
);
INSERT INTO "catalog"."features"."small__soyoil_new" ("symbol", "day", "close", "n", "m")
SELECT
    "symbol",
    "day",
    "close",
    "n",
    CASE WHEN "m" IS NULL THEN NULL ELSE struct_pack("x" := "m"."x", "depth_lots" := CAST(NULL AS BIGINT), "depth" := "m"."depth") END AS "m"
FROM "catalog"."features"."small";
SELECT CASE WHEN NOT ((SELECT COUNT(*) FROM "catalog"."features"."small") = (SELECT COUNT(*) FROM "catalog"."features"."small__soyoil_new")) THEN error('the new features.small has not the rows of the old one') END;
DROP TABLE "catalog"."features"."small";
ALTER TABLE "catalog"."features"."small__soyoil_new" RENAME TO "small";
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 1, "hash": "HASH"}';
-- rename-column:features.small.m.depth:depth_lots (if named)
-- perhaps rename to depth_lots; if it is no rename, name add-column:features.small.m.depth_lots and drop-column:features.small.m.depth instead
CREATE SCHEMA IF NOT EXISTS "catalog"."soyoil_copies";
CREATE OR REPLACE TABLE "catalog"."soyoil_copies"."features__small__before_TAG" AS SELECT * FROM "catalog"."features"."small";
CREATE TABLE "catalog"."features"."small__soyoil_new" (
    "symbol" VARCHAR NOT NULL,
    "day" DATE NOT NULL,
    "close" DOUBLE,
    "n" BIGINT,
    "m" STRUCT("x" DOUBLE, "depth_lots" BIGINT)
);
INSERT INTO "catalog"."features"."small__soyoil_new" ("symbol", "day", "close", "n", "m")
SELECT
    "symbol",
    "day",
    "close",
    "n",
    CASE WHEN "m" IS NULL THEN NULL ELSE struct_pack("x" := "m"."x", "depth_lots" := "m"."depth") END AS "m"
FROM "catalog"."features"."small";
SELECT CASE WHEN NOT ((SELECT COUNT(*) FROM "catalog"."features"."small") = (SELECT COUNT(*) FROM "catalog"."features"."small__soyoil_new")) THEN error('the new features.small has not the rows of the old one') END;
DROP TABLE "catalog"."features"."small";
ALTER TABLE "catalog"."features"."small__soyoil_new" RENAME TO "small";
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 1, "hash": "HASH"}';
-- drop-column:features.small.m.depth (if named)
-- drop a INT64 column
CREATE SCHEMA IF NOT EXISTS "catalog"."soyoil_copies";
CREATE OR REPLACE TABLE "catalog"."soyoil_copies"."features__small__before_TAG" AS SELECT * FROM "catalog"."features"."small";
CREATE TABLE "catalog"."features"."small__soyoil_new" (
    "symbol" VARCHAR NOT NULL,
    "day" DATE NOT NULL,
    "close" DOUBLE,
    "n" BIGINT,
    "m" STRUCT("x" DOUBLE)
);
INSERT INTO "catalog"."features"."small__soyoil_new" ("symbol", "day", "close", "n", "m")
SELECT
    "symbol",
    "day",
    "close",
    "n",
    CASE WHEN "m" IS NULL THEN NULL ELSE struct_pack("x" := "m"."x") END AS "m"
FROM "catalog"."features"."small";
SELECT CASE WHEN NOT ((SELECT COUNT(*) FROM "catalog"."features"."small") = (SELECT COUNT(*) FROM "catalog"."features"."small__soyoil_new")) THEN error('the new features.small has not the rows of the old one') END;
DROP TABLE "catalog"."features"."small";
ALTER TABLE "catalog"."features"."small__soyoil_new" RENAME TO "small";
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 1, "hash": "HASH"}';
-- stamp-table:features.small
-- mark the table as of contract version 2; made once all other changes of the table are
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 2, "hash": "HASH"}';
