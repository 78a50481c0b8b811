-- The table of tokenflight-store-postgres, version 1. Its owner runs this once; the application's role needs
-- SELECT, INSERT and UPDATE on it, and nothing else. Rows hold refresh tokens.
CREATE TABLE tokenflight_grants (
    key     text COLLATE "C" PRIMARY KEY,                 -- the name of the grant
    version uuid NOT NULL,                                -- the operation that wrote the row
    record  bytea NOT NULL,                               -- JSON, of tokenflight's codec
    changed timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 70);                                 -- room for the next version of a row beside it
