use std::fmt;

/// One login as this process knows it. It never changes while the login lasts; tokens and requests
/// carry it, so that a request never continues with another login's token.
///
/// It counts logins and logouts of one session, here and as they are found in the store. It says
/// nothing about what a store counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoginId(u64);

impl LoginId {
    /// The id with this number; a session starts at zero.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The id of the next login or logout.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
