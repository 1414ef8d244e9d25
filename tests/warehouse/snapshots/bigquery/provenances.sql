SELECT DISTINCT `provenance` FROM `test-project.soyoil_synthetic_features.small`
