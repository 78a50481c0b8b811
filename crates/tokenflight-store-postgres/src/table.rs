//! The table, and the statements on it.

use std::sync::Arc;

use tokenflight_core::store::{Blob, GrantKey, OpId};

use crate::{
    PostgresError,
    sql::{Param, Statement},
};

/// The SQL that creates the table, version 1: what `tokenflight postgres schema` prints. The store
/// never executes it.
///
/// ```
/// assert!(tokenflight_store_postgres::SCHEMA.contains("CREATE TABLE tokenflight_grants"));
/// ```
pub const SCHEMA: &str = include_str!("schema.sql");

/// What the table is called if nothing else is said.
pub(crate) const NAME: &str = "tokenflight_grants";

/// System identifier, timeline and table. `pg_control_checkpoint` would show the timeline before a
/// promotion until the first checkpoint after it; the name of the WAL segment changes with the
/// first write. A restored dump has another table.
const HERE: &str = "(SELECT concat_ws('/', system_identifier, CASE WHEN pg_is_in_recovery() THEN '' \
     ELSE left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) END, '{table}'::regclass::oid) FROM pg_control_system())";

/// The statements, each with the name of the table in it.
#[derive(Debug)]
pub(crate) struct Table {
    load: Arc<str>,
    insert: Arc<str>,
    update: Arc<str>,
    update_one: Arc<str>,
    check: Arc<str>,
    name: Arc<str>,
}

/// One swap of a batch.
pub(crate) struct Change<'a> {
    pub(crate) key: &'a GrantKey,
    pub(crate) expected: OpId,
    pub(crate) incarnation: String,
    pub(crate) op: OpId,
    pub(crate) record: &'a Blob,
}

impl Table {
    pub(crate) fn new(name: &str) -> Result<Self, PostgresError> {
        if !is_name(name) {
            return Err(PostgresError::Table { name: name.into() });
        }
        let with = |text: &str| Arc::from(text.replace("{here}", HERE).replace("{table}", name));
        Ok(Self {
            // The server's clock is read before the rows are: a claim never seems older than it is.
            load: with(
                "SELECT concat_ws('/', {here}, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, \
                 pg_is_in_recovery()), NULL::bytea \
                 UNION ALL SELECT key, record FROM {table} WHERE key = ANY($1)",
            ),
            insert: with(
                "INSERT INTO {table} (key, version, record) SELECT w.key, w.version::uuid, w.record \
                 FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) AS w(key, incarnation, version, record) \
                 WHERE w.incarnation = {here} ORDER BY w.key \
                 ON CONFLICT (key) DO NOTHING RETURNING key, NULL::bytea",
            ),
            // Rows are locked in the order of their keys, so no two batches wait for each other.
            update: with(
                "WITH w AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[]) \
                 AS w(key, expected, incarnation, version, record)), \
                 l AS (SELECT key FROM {table} WHERE key = ANY($1) ORDER BY key FOR UPDATE) \
                 UPDATE {table} g SET version = w.version::uuid, record = w.record, changed = clock_timestamp() \
                 FROM w, l WHERE g.key = w.key AND l.key = w.key AND g.version = w.expected::uuid \
                 AND w.incarnation = {here} RETURNING g.key, NULL::bytea",
            ),
            // The same for a batch of one, which is planned faster.
            update_one: with(
                "UPDATE {table} SET version = ($4::text[])[1]::uuid, record = ($5::bytea[])[1], \
                 changed = clock_timestamp() WHERE key = ($1::text[])[1] AND version = ($2::text[])[1]::uuid \
                 AND ($3::text[])[1] = {here} RETURNING key, NULL::bytea",
            ),
            check: include_str!("check.sql").into(),
            name: name.into(),
        })
    }

    pub(crate) fn load(&self, keys: Vec<String>) -> Statement {
        Statement::new(&self.load, vec![Param::Texts(keys)])
    }

    /// Swaps of different keys: all of keys that have no row, or none.
    pub(crate) fn swap(&self, changes: &[Change<'_>]) -> Statement {
        let texts = |text: fn(&Change<'_>) -> String| Param::Texts(changes.iter().map(text).collect());
        let [keys, incarnations, versions] =
            [texts(|one| one.key.as_str().to_owned()), texts(|one| one.incarnation.clone()), texts(|one| uuid(one.op))];
        let records = Param::Bytes(changes.iter().map(|one| one.record.clone()).collect());
        match changes.iter().all(|one| one.expected == OpId::NONE) {
            true => Statement::new(&self.insert, vec![keys, incarnations, versions, records]),
            false => {
                let expected = texts(|one| uuid(one.expected));
                let update = if changes.len() == 1 { &self.update_one } else { &self.update };
                Statement::new(update, vec![keys, expected, incarnations, versions, records])
            }
        }
    }

    /// Asks for settings and for what the table is like.
    pub(crate) fn check(&self) -> Statement {
        Statement::new(&self.check, vec![Param::Texts(vec![self.name.as_ref().to_owned()])])
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

fn uuid(op: OpId) -> String {
    format!("{:032x}", op.get())
}

/// Plain identifiers need no quotes, and hold nothing but a name.
fn is_name(name: &str) -> bool {
    let plain = |part: &str| {
        part.len() <= 63
            && part.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
            && part.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_')
    };
    name.split('.').count() <= 2 && name.split('.').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_name() {
        for name in ["tokenflight_grants", "auth.grants", "_x1"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "a.", "a.b.c", "1a", "A", "a b", "a\"", "a;--", "a'", &"a".repeat(64)] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn the_schema_creates_the_table_of_the_statements() {
        assert!(SCHEMA.contains(&format!("CREATE TABLE {NAME} (")));
    }
}
