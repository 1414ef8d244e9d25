-- create-table:features.small
-- create the table, 5 columns
CREATE TABLE "catalog"."features"."small" (
    "symbol" VARCHAR NOT NULL,
    "day" DATE NOT NULL,
    "close" DOUBLE,
    "n" BIGINT,
    "m" STRUCT("x" DOUBLE, "depth" BIGINT)
);
COMMENT ON TABLE "catalog"."features"."small" IS '{"contract": "features.small", "version": 1, "hash": "HASH"}';
-- drop-view:features.all (if named)
-- drop the view; Drop it. (dead)
DROP VIEW "catalog"."features"."all";
-- drop-table:features.other (if named)
-- drop the table; Drop it. (dead)
CREATE SCHEMA IF NOT EXISTS "catalog"."soyoil_copies";
CREATE OR REPLACE TABLE "catalog"."soyoil_copies"."features__other__before_TAG" AS SELECT * FROM "catalog"."features"."other";
DROP TABLE "catalog"."features"."other";
-- drop-dataset:z_archive (if named)
-- drop the dataset and all that it holds; Drop it. (dead)
DROP VIEW "catalog"."z_archive"."two";
SELECT CASE WHEN NOT (NOT EXISTS (SELECT 1 FROM "catalog"."z_archive"."one")) THEN error('z_archive.one was empty and holds rows now') END;
DROP TABLE "catalog"."z_archive"."one";
DROP SCHEMA "catalog"."z_archive";
