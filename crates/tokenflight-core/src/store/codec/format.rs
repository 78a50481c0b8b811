/// The members of the format. None of these is ever an [extra](crate::store::Entry::extra) one, so
/// no name stands in a record twice.
pub(super) const KNOWN: &[&str] = &[
    "v",
    "op",
    "home",
    "epoch",
    "login",
    "rotation",
    "set",
    "state",
    "access_token",
    "refresh_token",
    "lifetime",
    "received",
    "scope",
    "issuer",
    "client_id",
    "ended_code",
    "ended_description",
    "ended_at",
    "claim",
    "doubt",
];

/// The version of the format that is written. A record of a later one is refused: what it means is
/// not known here.
pub const VERSION: u64 = 1;
