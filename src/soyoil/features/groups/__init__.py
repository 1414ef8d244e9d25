"""Groups of columns that outside sources fill, one module each."""
