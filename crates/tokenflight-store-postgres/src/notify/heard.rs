//! Who waits to hear of which key.

use std::{
    collections::HashMap,
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokenflight_core::store::GrantKey;
use tokio::sync::Notify;

/// A key, as it travels: a notice shows no name of a user. Two that are equal cost a needless read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Name(u64);

impl Name {
    /// FNV-1a, the same on all hosts.
    pub(super) fn of(key: &GrantKey) -> Self {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        Self(key.as_str().as_bytes().iter().fold(0xcbf2_9ce4_8422_2325, step))
    }

    /// Names in one text of at most so many bytes each, which is what a notice holds.
    pub(super) fn payloads(names: &[Self], most: usize) -> Vec<String> {
        let each = (most / 16).max(1);
        let text = |names: &[Self]| {
            names.iter().fold(String::new(), |mut text, name| {
                let _ = write!(text, "{:016x}", name.0);
                text
            })
        };
        names.chunks(each).map(text).collect()
    }

    /// The names in such a text. What else may be in it is left out.
    pub(super) fn parse(payload: &str) -> impl Iterator<Item = Self> {
        let chunks = payload.as_bytes().chunks_exact(16);
        chunks.filter_map(|hex| u64::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok().map(Self))
    }
}

/// The waiters of this process.
#[derive(Debug, Default)]
pub(super) struct Heard(Mutex<HashMap<Name, Arc<Notify>>>);

impl Heard {
    /// Completes with the next notice of this name.
    pub(super) async fn of(&self, name: Name) {
        let place = Place { heard: self, name, notify: Arc::clone(self.lock().entry(name).or_default()) };
        place.notify.notified().await;
    }

    pub(super) fn tell(&self, name: Name) {
        // Wakes, which are foreign code, with nothing locked.
        let notify = self.lock().remove(&name);
        if let Some(notify) = notify {
            notify.notify_waiters();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Place<'a> {
    heard: &'a Heard,
    name: Name,
    notify: Arc<Notify>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut heard = self.heard.lock();
        let ours = heard.get(&self.name).is_some_and(|notify| Arc::ptr_eq(notify, &self.notify));
        // This one's and the map's: no other waits.
        if ours && Arc::strong_count(&self.notify) == 2 {
            heard.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn names_come_back_from_a_payload_and_nothing_else_does() {
        let names: Vec<_> = (0..1000).map(|n| Name::of(&GrantKey::new(format!("user-{n}")))).collect();
        let payloads = Name::payloads(&names, 7999);
        assert!(payloads.len() == 3 && payloads.iter().all(|payload| payload.len() <= 7999));
        let back: Vec<_> = payloads.iter().flat_map(|payload| Name::parse(payload)).collect();
        assert_eq!(back, names);
        assert_eq!(Name::parse("and what another program says on the channel, äöü").count(), 0);
        assert!(Name::payloads(&[], 7999).is_empty());
    }

    #[test]
    fn a_notice_wakes_who_waits_for_it_and_leaves_nothing_behind() {
        let heard = Heard::default();
        let [alice, bob] = ["alice", "bob"].map(|key| Name::of(&GrantKey::new(key)));
        let (mut one, mut two, mut other) =
            (Box::pin(heard.of(alice)), Box::pin(heard.of(alice)), Box::pin(heard.of(bob)));
        assert!([&mut one, &mut two, &mut other].into_iter().all(|waiter| waiter.now_or_never().is_none()));
        heard.tell(alice);
        assert!((&mut one).now_or_never().is_some() && (&mut two).now_or_never().is_some());
        assert!((&mut other).now_or_never().is_none());
        drop((one, two, other));
        assert!(heard.lock().is_empty());
    }
}
