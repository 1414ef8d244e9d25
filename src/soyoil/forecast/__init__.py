"""Today's forecast, the ledger of all that were made, and how they turned out."""
