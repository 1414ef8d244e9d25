"""Features of what grows soybeans and of what burns their oil."""
