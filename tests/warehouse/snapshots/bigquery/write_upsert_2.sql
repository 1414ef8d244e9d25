INSERT INTO `test-project.soyoil_synthetic_features.small` (`symbol`, `data_date`, `provenance`, `seen`, `m`)
SELECT soyoil_new.`symbol`, soyoil_new.`data_date`, soyoil_new.`provenance`, soyoil_new.`seen`, soyoil_new.`m`
FROM `test-project.soyoil_synthetic_features.soyoil_stage_small_0` AS soyoil_new
LEFT JOIN `test-project.soyoil_synthetic_features.small` AS soyoil_old
ON soyoil_old.`symbol` = soyoil_new.`symbol` AND soyoil_old.`data_date` = soyoil_new.`data_date` AND soyoil_old.`data_date` >= DATE '2020-01-01' AND soyoil_old.`data_date` < DATE '2020-02-01'
WHERE soyoil_old.`symbol` IS NULL AND soyoil_new.`data_date` >= DATE '2020-01-01' AND soyoil_new.`data_date` < DATE '2020-02-01'
