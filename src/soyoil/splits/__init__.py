"""Split plans and the content-addressed snapshot."""
