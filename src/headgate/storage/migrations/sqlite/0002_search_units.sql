-- compatible-from: 1
-- How many requests a ranking was billed as.

ALTER TABLE ledger ADD COLUMN search_units INTEGER NOT NULL DEFAULT 0;
