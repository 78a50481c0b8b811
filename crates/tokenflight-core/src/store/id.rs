//! Names that decide: who wrote an entry, who may present, which clock, which history.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    process,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// The id with this number, as it was stored.
            #[must_use]
            pub const fn new(number: u128) -> Self {
                Self(number)
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> u128 {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:x})"), self.0)
            }
        }
    };
}

id! {
    /// The name of one [`Op`](super::Op), kept through its tries. It also names what the operation
    /// wrote: an entry keeps who wrote it last, who began its login, and who brought its tokens.
    OpId
}

id! {
    /// Who holds a [`Claim`](super::Claim): one attempt of one session. Two sessions of a process
    /// are two owners, and so are two attempts of a session.
    Owner
}

id! {
    /// Which clock a reading was taken from. Readings of two clocks are never compared. Equal in
    /// all processes that reach this clock; another one after a failover.
    ClockId
}

id! {
    /// Which line of history a storage is in. It changes when the storage may have lost writes that
    /// it had acknowledged: a failover, a restore.
    Incarnation
}

id! {
    /// Which kernel lock is held: the identity of the locked file.
    LockId
}

impl OpId {
    /// The writer of an entry that was never written.
    pub const NONE: Self = Self(0);

    /// An id that no other call returns, here or in another process.
    #[must_use]
    pub fn unique() -> Self {
        Self(unique())
    }
}

impl Owner {
    /// An owner that no other call returns, here or in another process.
    #[must_use]
    pub fn unique() -> Self {
        Self(unique())
    }
}

impl ClockId {
    /// The boot clock as the sessions of this process read it.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self(u128::from(this_process()) << 64)
    }
}

/// Process randomness in the upper half, a counter in the lower one.
fn unique() -> u128 {
    static COUNT: AtomicU64 = AtomicU64::new(1);
    u128::from(this_process()) << 64 | u128::from(COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A number of this process: the randomness that std draws from the system, and the process id, so
/// that a process and what it forks have two.
fn this_process() -> u64 {
    static RANDOM: OnceLock<RandomState> = OnceLock::new();
    RANDOM.get_or_init(RandomState::new).hash_one(process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_ids_are_equal_and_none_is_none() {
        let ids: std::collections::HashSet<_> = (0..1000).map(|_| OpId::unique()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(!ids.contains(&OpId::NONE));
    }
}
