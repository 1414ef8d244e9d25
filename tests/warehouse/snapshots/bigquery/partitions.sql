SELECT partition_id FROM `test-project.soyoil_synthetic_features`.INFORMATION_SCHEMA.PARTITIONS WHERE table_name = "small" AND total_rows > 0
