SELECT
  COUNTIF(soyoil_old.`symbol` IS NULL) AS inserted,
  COUNTIF(soyoil_new.`symbol` IS NOT NULL AND soyoil_old.`symbol` IS NOT NULL AND (soyoil_old.`provenance` IS DISTINCT FROM soyoil_new.`provenance` OR soyoil_old.`seen` IS DISTINCT FROM soyoil_new.`seen` OR soyoil_old.`m`.`x` IS DISTINCT FROM soyoil_new.`m`.`x` OR soyoil_old.`m`.`n` IS DISTINCT FROM soyoil_new.`m`.`n` OR soyoil_old.`m`.`P` IS DISTINCT FROM soyoil_new.`m`.`P` OR soyoil_old.`m`.`tag` IS DISTINCT FROM soyoil_new.`m`.`tag`)) AS updated,
  COUNTIF(soyoil_new.`symbol` IS NULL) AS deleted
FROM `test-project.soyoil_synthetic_features.soyoil_stage_small_0` AS soyoil_new
FULL JOIN (SELECT * FROM `test-project.soyoil_synthetic_features.small` WHERE `data_date` >= DATE '2020-01-01' AND `data_date` < DATE '2020-02-01') AS soyoil_old
ON soyoil_old.`symbol` = soyoil_new.`symbol` AND soyoil_old.`data_date` = soyoil_new.`data_date`
