-- add-column:features.small.extra
-- add a STRUCT column, NULL in old rows
CREATE TABLE "catalog"."features"."small__soyoil_new" (
    "symbol" VARCHAR NOT NULL,
    "day" DATE NOT NULL,
    "close" DOUBLE,
    "n" BIGINT,
    "m" STRUCT("w" DATE, "x" DOUBLE, "y" VARCHAR, "depth" BIGINT),
    "extra" STRUCT("q" DOUBLE)
);
INSERT INTO "catalog"."features"."small__soyoil_new" ("symbol", "day", "close", "n", "m", "extra")
SELECT
    "symbol",
    "day",
    "close",
    "n",
    CASE WHEN "m" IS NULL THEN NULL ELSE struct_pack("w" := CAST(NULL AS DATE), "x" := "m"."x", "y" := CAST(NULL AS VARCHAR), "depth" := "m"."depth") END AS "m",
    CAST(NULL AS STRUCT("q" DOUBLE)) AS "extra"
FROM "catalog"."features"."small";
SELECT CASE WHEN NOT ((SELECT COUNT(*) FROM "catalog"."features"."small") = (SELECT COUNT(*) FROM "catalog"."features"."small__soyoil_new")) THEN error('the new features.small has not the rows of the old one') END;
DROP TABLE "catalog"."features"."small";
ALTER TABLE "catalog"."features"."small__soyoil_new" RENAME TO "small";
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 1, "hash": "HASH"}';
-- add-column:features.small.m.w
-- add a DATE column, NULL in old rows; made by the SQL of add-column:features.small.extra
-- add-column:features.small.m.y
-- add a STRING column, NULL in old rows; made by the SQL of add-column:features.small.extra
-- stamp-table:features.small
-- mark the table as of contract version 2
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 2, "hash": "HASH"}';
