use serde::{Deserialize, Serialize};

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    NoLock,
    /// A kernel lock around the write.
    LockWrite,
    /// A second look at the file after `invalid_grant`.
    Reread,
    /// A lock file, stolen when it is old.
    LockStolen,
    /// A kernel lock that is not waited for beyond a second.
    FlockGivesUp,
    /// A kernel lock around everything.
    FlockAll,
    /// A session over `FileStore`.
    Tokenflight,
}

impl Kind {
    /// All, in the order in which they are shown.
    pub(super) const ALL: [Self; 7] = [
        Self::NoLock,
        Self::LockWrite,
        Self::Reread,
        Self::LockStolen,
        Self::FlockGivesUp,
        Self::FlockAll,
        Self::Tokenflight,
    ];

    /// The name, for tables, JSON and the server's books.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::NoLock => "no lock",
            Self::LockWrite => "write locked",
            Self::Reread => "re-read when refused",
            Self::LockStolen => "lock file, stolen",
            Self::FlockGivesUp => "flock, gives up",
            Self::FlockAll => "flock around all",
            Self::Tokenflight => "tokenflight",
        }
    }

    /// What it does, in one sentence.
    pub(super) const fn sentence(self) -> &'static str {
        match self {
            Self::NoLock => "Each process refreshes when it finds the token stale: several present the same one.",
            Self::LockWrite => "The file is written under a lock. What was presented before that is not under it.",
            Self::Reread => "After invalid_grant it looks for a newer token. The server has ended that one too.",
            Self::LockStolen => "A lock file that is two seconds old is taken for a dead process's. It may be stopped.",
            Self::FlockGivesUp => "A kernel lock, but after a second without it the process goes on all the same.",
            Self::FlockAll => "Refresh and login under one kernel lock. What a dead process sent is not known.",
            Self::Tokenflight => "A session over FileStore: one living presenter, noted before it sends.",
        }
    }
}
