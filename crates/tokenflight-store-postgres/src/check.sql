SELECT 'setting/' || name || '/' || current_setting(name), NULL::bytea
FROM unnest(ARRAY['synchronous_commit', 'fsync', 'full_page_writes', 'synchronous_standby_names', 'server_encoding',
                  'server_version_num']) AS s(name)
UNION ALL
SELECT 'recovery/' || pg_is_in_recovery(), NULL
UNION ALL
SELECT 'table/' || name, NULL FROM unnest($1::text[]) AS t(name) WHERE to_regclass(name) IS NOT NULL
UNION ALL
SELECT 'privilege/' || privilege, NULL
FROM unnest($1::text[]) AS t(name), unnest(ARRAY['SELECT', 'INSERT', 'UPDATE']) AS p(privilege)
WHERE to_regclass(name) IS NOT NULL AND has_table_privilege(to_regclass(name), privilege)
UNION ALL
SELECT 'column/' || attname || ' ' || format_type(atttypid, NULL), NULL
FROM unnest($1::text[]) AS t(name) JOIN pg_attribute ON attrelid = to_regclass(name)
WHERE attnum > 0 AND NOT attisdropped
UNION ALL
SELECT 'collation/' || collname, NULL
FROM unnest($1::text[]) AS t(name) JOIN pg_attribute ON attrelid = to_regclass(name) AND attname = 'key'
    JOIN pg_collation c ON c.oid = attcollation
UNION ALL
SELECT 'unique/key', NULL
FROM unnest($1::text[]) AS t(name) JOIN pg_index ON indrelid = to_regclass(name)
    JOIN pg_attribute a ON a.attrelid = indrelid AND a.attnum = indkey[0] AND a.attname = 'key'
WHERE indisunique AND indisvalid AND indnkeyatts = 1 AND indpred IS NULL
