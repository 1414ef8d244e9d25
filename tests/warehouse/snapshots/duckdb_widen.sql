-- widen-column:features.small.n
-- INT64 becomes FLOAT64; integers beyond 2**53 are rounded
CREATE TABLE "catalog"."features"."small__soyoil_new" (
    "symbol" VARCHAR NOT NULL,
    "day" DATE NOT NULL,
    "close" DOUBLE,
    "n" DOUBLE,
    "m" STRUCT("x" DOUBLE, "depth" DOUBLE)
);
INSERT INTO "catalog"."features"."small__soyoil_new" ("symbol", "day", "close", "n", "m")
SELECT
    "symbol",
    "day",
    "close",
    CAST("n" AS DOUBLE) AS "n",
    CASE WHEN "m" IS NULL THEN NULL ELSE struct_pack("x" := "m"."x", "depth" := CAST("m"."depth" AS DOUBLE)) END AS "m"
FROM "catalog"."features"."small";
SELECT CASE WHEN NOT ((SELECT COUNT(*) FROM "catalog"."features"."small") = (SELECT COUNT(*) FROM "catalog"."features"."small__soyoil_new")) THEN error('the new features.small has not the rows of the old one') END;
DROP TABLE "catalog"."features"."small";
ALTER TABLE "catalog"."features"."small__soyoil_new" RENAME TO "small";
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 1, "hash": "HASH"}';
-- widen-column:features.small.m.depth
-- INT64 becomes FLOAT64; integers beyond 2**53 are rounded; made by the SQL of widen-column:features.small.n
-- stamp-table:features.small
-- mark the table as of contract version 2
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 2, "hash": "HASH"}';
