-- add-column:features.small.ask
-- add a TIMESTAMP column, NULL in old rows
CREATE TABLE "catalog"."features"."small__soyoil_new" (
    "symbol" VARCHAR NOT NULL,
    "day" DATE NOT NULL,
    "close" DOUBLE,
    "ask" TIMESTAMPTZ,
    "n" BIGINT,
    "m" STRUCT("x" DOUBLE, "depth" BIGINT)
);
INSERT INTO "catalog"."features"."small__soyoil_new" ("symbol", "day", "close", "ask", "n", "m")
SELECT
    "symbol",
    "day",
    "close",
    CAST(NULL AS TIMESTAMPTZ) AS "ask",
    "n",
    "m"
FROM "catalog"."features"."small";
SELECT CASE WHEN NOT ((SELECT COUNT(*) FROM "catalog"."features"."small") = (SELECT COUNT(*) FROM "catalog"."features"."small__soyoil_new")) THEN error('the new features.small has not the rows of the old one') END;
DROP TABLE "catalog"."features"."small";
ALTER TABLE "catalog"."features"."small__soyoil_new" RENAME TO "small";
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 1, "hash": "HASH"}';
-- stamp-table:features.small
-- mark the table as of contract version 2
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 2, "hash": "HASH"}';
