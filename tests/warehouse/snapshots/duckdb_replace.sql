-- replace-table:features.small (if named)
-- create the empty table anew in the form of the contract, its own fields kept; F. (m)
SELECT CASE WHEN NOT (NOT EXISTS (SELECT 1 FROM "catalog"."features"."small")) THEN error('features.small was empty and holds rows now') END;
DROP TABLE "catalog"."features"."small";
CREATE TABLE "catalog"."features"."small" (
    "symbol" VARCHAR NOT NULL,
    "day" DATE NOT NULL,
    "close" DOUBLE,
    "n" BIGINT,
    "m" STRUCT("x" DOUBLE, "depth" BIGINT, "mine" VARCHAR)
);
