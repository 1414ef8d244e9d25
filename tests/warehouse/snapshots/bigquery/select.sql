SELECT `symbol`
FROM `test-project.soyoil_synthetic_features.small`
WHERE `data_date` >= DATE '2020-01-01' AND `data_date` < DATE '2020-02-01'
