"""What Kedro calls while a session runs."""
