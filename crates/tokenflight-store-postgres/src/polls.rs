//! Which reads are polls: a session waiting for another host's claim keeps asking for the same key.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokenflight_core::store::GrantKey;

/// A session that waits pauses for at least 10 ms and at most 250 between two reads; one that
/// refreshes does not pause.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// How many keys are remembered before those that were read long ago are dropped.
const MANY: usize = 4096;

/// When each key was last answered, on the boot clock, unless this process has written it since.
/// Two keys with the same hash cost one of them the time that a poll may wait.
#[derive(Debug, Default)]
pub(crate) struct Polls {
    hasher: RandomState,
    answered: Mutex<HashMap<u64, Duration>>,
}

impl Polls {
    /// Whether a read of this key now is a poll.
    pub(crate) fn is_poll(&self, key: &GrantKey, now: Duration) -> bool {
        let last = self.lock().get(&self.hash(key)).copied();
        last.is_some_and(|last| (PAUSE.0..PAUSE.1).contains(&now.saturating_sub(last)))
    }

    /// A read of this key was answered.
    pub(crate) fn answered(&self, key: &GrantKey, now: Duration) {
        let hash = self.hash(key);
        let mut answered = self.lock();
        if answered.len() >= MANY {
            answered.retain(|_, last| now.saturating_sub(*last) < PAUSE.1);
        }
        answered.insert(hash, now);
    }

    /// This process writes the key: what it reads next is no poll.
    pub(crate) fn written(&self, key: &GrantKey) {
        self.lock().remove(&self.hash(key));
    }

    fn hash(&self, key: &GrantKey) -> u64 {
        self.hasher.hash_one(key.as_str())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Duration>> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn the_same_key_again_after_a_pause_is_a_poll_unless_it_was_written() {
        let (polls, key, start) = (Polls::default(), GrantKey::new("a"), Duration::from_secs(9));
        assert!(!polls.is_poll(&key, start));
        polls.answered(&key, start);
        assert!(!polls.is_poll(&key, start + MILLISECOND) && !polls.is_poll(&key, start + MILLISECOND * 1000));
        assert!(polls.is_poll(&key, start + MILLISECOND * 10) && polls.is_poll(&key, start + MILLISECOND * 250));
        assert!(!polls.is_poll(&GrantKey::new("b"), start + MILLISECOND * 10));
        polls.written(&key);
        assert!(!polls.is_poll(&key, start + MILLISECOND * 10));
    }

    #[test]
    fn what_was_read_long_ago_is_not_remembered_for_ever() {
        let polls = Polls::default();
        for n in 0..3 * MANY {
            polls.answered(&GrantKey::new(n.to_string()), MILLISECOND * u32::try_from(n).unwrap());
        }
        assert!(polls.lock().len() <= MANY);
    }
}
