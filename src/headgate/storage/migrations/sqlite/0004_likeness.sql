-- compatible-from: 1
-- How alike vectors and rankings are that a model and its shadow gave. Until now both were asked for text only.

ALTER TABLE comparisons ADD COLUMN operation TEXT NOT NULL DEFAULT 'chat';
ALTER TABLE comparisons ADD COLUMN similarity REAL;
