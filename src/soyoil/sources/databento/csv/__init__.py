"""CSV files of Databento, and of programs that saved them again."""
