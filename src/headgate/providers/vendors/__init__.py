"""One file per vendor: a row of facts, each from the vendor's documentation."""
