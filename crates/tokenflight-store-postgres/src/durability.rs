use std::fmt;

/// What the server's settings say about the writes it acknowledges, as of the store's opening.
///
/// ```
/// use tokenflight_store_postgres::PostgresCell;
///
/// fn look(cell: &PostgresCell) {
///     if !cell.durability().is_durable() {
///         eprintln!("{}", cell.durability());
///     }
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Durability {
    /// `synchronous_commit`, as it is for the store's role and database.
    pub synchronous_commit: String,
    /// `fsync`.
    pub fsync: String,
    /// `full_page_writes`.
    pub full_page_writes: String,
    /// `synchronous_standby_names`; empty if commits wait for no standby.
    pub standby_names: String,
}

impl Durability {
    /// Whether an acknowledged write survives a crash of the server: it is on its disk.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.synchronous_commit != "off" && self.fsync == "on" && self.full_page_writes == "on"
    }

    /// Whether an acknowledged write survives the server's loss: it is on a standby's disk, too.
    #[must_use]
    pub fn is_replicated(&self) -> bool {
        let waits = matches!(&*self.synchronous_commit, "on" | "remote_apply");
        self.is_durable() && waits && !self.standby_names.is_empty()
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { synchronous_commit, fsync, full_page_writes, standby_names } = self;
        write!(
            f,
            "synchronous_commit is {synchronous_commit}, fsync {fsync}, full_page_writes {full_page_writes}, \
             synchronous_standby_names '{standby_names}'"
        )?;
        match (self.is_durable(), self.is_replicated()) {
            (false, _) => f.write_str(": a crash of the server loses sessions"),
            (true, false) => f.write_str(": a failover to a standby loses sessions"),
            (true, true) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(synchronous_commit: &str, fsync: &str, standby_names: &str) -> Durability {
        let full_page_writes = "on".to_owned();
        let standby_names = standby_names.to_owned();
        Durability {
            synchronous_commit: synchronous_commit.to_owned(),
            fsync: fsync.to_owned(),
            full_page_writes,
            standby_names,
        }
    }

    #[test]
    fn a_setting_that_acknowledges_too_early_is_not_durable() {
        for (commit, fsync, names, durable, replicated) in [
            ("on", "on", "", true, false),
            ("on", "on", "a", true, true),
            ("remote_apply", "on", "a", true, true),
            ("remote_write", "on", "a", true, false),
            ("local", "on", "a", true, false),
            ("off", "on", "a", false, false),
            ("on", "off", "a", false, false),
        ] {
            let found = found(commit, fsync, names);
            assert_eq!((found.is_durable(), found.is_replicated()), (durable, replicated), "{found}");
        }
    }
}
