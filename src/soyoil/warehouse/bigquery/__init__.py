"""The backend on BigQuery."""
