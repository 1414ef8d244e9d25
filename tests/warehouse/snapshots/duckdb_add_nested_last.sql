-- add-column:features.small.m.y
-- add a STRING column, NULL in old rows
CREATE TABLE "catalog"."features"."small__soyoil_new" (
    "symbol" VARCHAR NOT NULL,
    "day" DATE NOT NULL,
    "close" DOUBLE,
    "n" BIGINT,
    "m" STRUCT("x" DOUBLE, "depth" BIGINT, "y" VARCHAR, "w" DATE)
);
INSERT INTO "catalog"."features"."small__soyoil_new" ("symbol", "day", "close", "n", "m")
SELECT
    "symbol",
    "day",
    "close",
    "n",
    CASE WHEN "m" IS NULL THEN NULL ELSE struct_pack("x" := "m"."x", "depth" := "m"."depth", "y" := CAST(NULL AS VARCHAR), "w" := CAST(NULL AS DATE)) END AS "m"
FROM "catalog"."features"."small";
SELECT CASE WHEN NOT ((SELECT COUNT(*) FROM "catalog"."features"."small") = (SELECT COUNT(*) FROM "catalog"."features"."small__soyoil_new")) THEN error('the new features.small has not the rows of the old one') END;
DROP TABLE "catalog"."features"."small";
ALTER TABLE "catalog"."features"."small__soyoil_new" RENAME TO "small";
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 1, "hash": "HASH"}';
-- add-column:features.small.m.w
-- add a DATE column, NULL in old rows; made by the SQL of add-column:features.small.m.y
-- stamp-table:features.small
-- mark the table as of contract version 2
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 2, "hash": "HASH"}';
