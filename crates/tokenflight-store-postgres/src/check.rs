//! What is looked at when the store is opened.

use crate::{PostgresError, durability::Durability, sql::Row, table::Table};

/// The columns that the statements use.
const COLUMNS: [&str; 4] = ["key text", "version uuid", "record bytea", "changed timestamp with time zone"];

const PRIVILEGES: [&str; 3] = ["SELECT", "INSERT", "UPDATE"];

/// The oldest version the statements are tested with.
const VERSION: u32 = 130_000;

/// What the database said, checked against what the store needs.
pub(crate) fn check(rows: &[Row], table: &Table) -> Result<Durability, PostgresError> {
    let has = |line: String| rows.iter().any(|row| row.text == line);
    let setting = |name: &str| {
        let found =
            rows.iter().find_map(|row| row.text.strip_prefix("setting/")?.strip_prefix(name)?.strip_prefix('/'));
        found.unwrap_or_default().to_owned()
    };
    if has("recovery/true".to_owned()) {
        return Err(PostgresError::Standby);
    }
    let mut what = Vec::new();
    let version = setting("server_version_num");
    if version.parse::<u32>().unwrap_or_default() < VERSION {
        what.push(format!("Postgres 13 or later is needed; this one calls itself {version}"));
    }
    let encoding = setting("server_encoding");
    if encoding != "UTF8" {
        what.push(format!("its encoding must be UTF8 and is {encoding}"));
    }
    let name = table.name();
    match has(format!("table/{name}")) {
        false => what.push(format!(
            "there is no table {name}, or the role cannot see it: have the owner of the database run what \
             `tokenflight postgres schema` prints"
        )),
        true => {
            let columns = COLUMNS.iter().filter(|column| !has(format!("column/{column}")));
            what.extend(columns.map(|column| format!("{name} has no column {column}")));
            let privileges = PRIVILEGES.iter().filter(|privilege| !has(format!("privilege/{privilege}")));
            what.extend(privileges.map(|privilege| format!("GRANT {privilege} ON {name} to this role")));
            if !has("unique/key".to_owned()) {
                what.push(format!("the column key of {name} has no unique index of its own"));
            }
            if !has("collation/C".to_owned()) {
                what.push(format!(
                    "the column key of {name} needs COLLATE \"C\", which no update of the system changes"
                ));
            }
        }
    }
    match what.is_empty() {
        true => Ok(Durability {
            synchronous_commit: setting("synchronous_commit"),
            fsync: setting("fsync"),
            full_page_writes: setting("full_page_writes"),
            standby_names: setting("synchronous_standby_names"),
        }),
        false => Err(PostgresError::Missing { what: what.into() }),
    }
}
