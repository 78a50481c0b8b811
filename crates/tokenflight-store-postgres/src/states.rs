//! What the server's errors say of a write. `states.md` tabulates it; a test holds them together.

use tokenflight_core::store::StoreErrorKind;

/// The statement conflicted with others, and had no effect.
pub(crate) fn is_conflict(state: &str) -> bool {
    matches!(state, "40001" | "40P01")
}

/// What is known of a write after this error. A whole class is named by its first two characters.
pub(crate) fn kind(state: &str) -> StoreErrorKind {
    let exact = KINDS.iter().find(|(known, _)| *known == state);
    let class = || KINDS.iter().find(|(known, _)| known.len() == 2 && state.starts_with(known));
    exact.or_else(class).map_or(Unknown, |(_, kind)| *kind)
}

/// What a person can do about it, where that is plain.
pub(crate) fn cure(state: &str) -> &'static str {
    match state {
        "25006" => ": the server became a standby; name all hosts in the address, to find the primary",
        "42501" => ": the role needs SELECT, INSERT and UPDATE on the table, and USAGE on its schema",
        "42P01" | "42703" => ": create the table that `tokenflight postgres schema` prints",
        "53100" => ": make room on the server's disk",
        "53300" => ": raise max_connections, or put a pool before the server; a store needs four",
        state if state.starts_with("28") => ": see the user, its password and pg_hba.conf",
        _ => "",
    }
}

use StoreErrorKind::{NotDone, Refused, Unknown};

const KINDS: &[(&str, StoreErrorKind)] = &[
    ("40001", NotDone),
    ("40P01", NotDone),
    ("25006", NotDone),
    ("53", NotDone),
    ("55P03", NotDone),
    ("57014", NotDone),
    ("57P03", NotDone),
    ("08", Unknown),
    ("57P01", Unknown),
    ("57P02", Unknown),
    ("57P05", Unknown),
    ("0A", Refused),
    ("22", Refused),
    ("23", Refused),
    ("28", Refused),
    ("3D", Refused),
    ("3F", Refused),
    ("42", Refused),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_in_the_documentation_is_the_table_in_use() {
        let mut documented = Vec::new();
        for row in include_str!("states.md").lines().filter(|row| row.starts_with("| `")) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let kind = match cells[2] {
                "not done" => NotDone,
                "unknown" => Unknown,
                "refused" => Refused,
                other => panic!("no kind: {other}"),
            };
            documented.extend(cells[1].split('`').skip(1).step_by(2).map(|state| (state, kind)));
        }
        assert_eq!(documented, KINDS);
    }

    #[test]
    fn an_error_that_is_not_in_the_table_says_nothing() {
        assert_eq!(kind("XX000"), Unknown);
        assert_eq!(kind(""), Unknown);
    }

    #[test]
    fn a_class_is_overruled_by_its_members() {
        assert_eq!((kind("53300"), kind("53XYZ")), (NotDone, NotDone));
        assert_eq!((kind("57014"), kind("57P01"), kind("57000")), (NotDone, Unknown, Unknown));
    }
}
