MERGE `test-project.soyoil_synthetic_features.small` AS soyoil_old
USING `test-project.soyoil_synthetic_features.soyoil_stage_small_0` AS soyoil_new
ON soyoil_old.`symbol` = soyoil_new.`symbol` AND soyoil_old.`data_date` = soyoil_new.`data_date` AND soyoil_old.`data_date` >= DATE '2020-01-01' AND soyoil_old.`data_date` < DATE '2020-02-01'
WHEN MATCHED AND (soyoil_old.`provenance` IS DISTINCT FROM soyoil_new.`provenance` OR soyoil_old.`seen` IS DISTINCT FROM soyoil_new.`seen` OR soyoil_old.`m`.`x` IS DISTINCT FROM soyoil_new.`m`.`x` OR soyoil_old.`m`.`n` IS DISTINCT FROM soyoil_new.`m`.`n` OR soyoil_old.`m`.`P` IS DISTINCT FROM soyoil_new.`m`.`P` OR soyoil_old.`m`.`tag` IS DISTINCT FROM soyoil_new.`m`.`tag`) THEN
  UPDATE SET `provenance` = soyoil_new.`provenance`, `seen` = soyoil_new.`seen`, `m` = soyoil_new.`m`
WHEN NOT MATCHED BY TARGET THEN
  INSERT (`symbol`, `data_date`, `provenance`, `seen`, `m`)
  VALUES (soyoil_new.`symbol`, soyoil_new.`data_date`, soyoil_new.`provenance`, soyoil_new.`seen`, soyoil_new.`m`)
