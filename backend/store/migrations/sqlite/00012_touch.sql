-- Only Postgres has something to change in this version.
SELECT 1;
