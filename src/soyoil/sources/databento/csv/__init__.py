"""CSV files of Databento, and of programs that saved them again.

`soyoil.sources.databento.read_folder` reads them, whatever their layout.
"""
