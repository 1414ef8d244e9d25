-- reorder-columns:features.small (if named)
-- bring the columns into the order of the contract
CREATE SCHEMA IF NOT EXISTS "catalog"."soyoil_copies";
CREATE OR REPLACE TABLE "catalog"."soyoil_copies"."features__small__before_TAG" AS SELECT * FROM "catalog"."features"."small";
CREATE TABLE "catalog"."features"."small__soyoil_new" (
    "symbol" VARCHAR NOT NULL,
    "day" DATE NOT NULL,
    "m" STRUCT("depth" BIGINT, "x" DOUBLE),
    "close" DOUBLE,
    "n" BIGINT
);
INSERT INTO "catalog"."features"."small__soyoil_new" ("symbol", "day", "m", "close", "n")
SELECT
    "symbol",
    "day",
    CASE WHEN "m" IS NULL THEN NULL ELSE struct_pack("depth" := "m"."depth", "x" := "m"."x") END AS "m",
    "close",
    "n"
FROM "catalog"."features"."small";
SELECT CASE WHEN NOT ((SELECT COUNT(*) FROM "catalog"."features"."small") = (SELECT COUNT(*) FROM "catalog"."features"."small__soyoil_new")) THEN error('the new features.small has not the rows of the old one') END;
DROP TABLE "catalog"."features"."small";
ALTER TABLE "catalog"."features"."small__soyoil_new" RENAME TO "small";
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 1, "hash": "HASH"}';
-- stamp-table:features.small
-- mark the table as of contract version 2; made once all other changes of the table are
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 2, "hash": "HASH"}';
