//! Two stores over the same records, used as two processes use them.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use tokenflight_core::{
    BoxFuture,
    store::{Body, GrantKey, Op, Owner, Reply, Seen, Store, StoreError},
};

/// Each claim is made in the process of its owner, what its holder reports comes from there, and
/// everything is read in turn here and there.
pub(crate) struct Pair {
    stores: [Box<dyn Store>; 2],
    /// Who holds a claim, and where.
    holders: Mutex<HashMap<GrantKey, (Owner, usize)>>,
    reads: AtomicUsize,
}

impl Pair {
    pub(crate) fn new(stores: [Box<dyn Store>; 2]) -> Self {
        Self { stores, holders: Mutex::default(), reads: AtomicUsize::new(0) }
    }

    fn next(&self) -> usize {
        self.reads.fetch_add(1, Relaxed) % 2
    }

    /// Where an operation is done.
    fn place(&self, key: &GrantKey, op: &Op) -> usize {
        let holder = self.holders.lock().unwrap().get(key).copied();
        let foreign = |owner, yields| holder.is_some_and(|(held, _)| held != owner && Some(held) != yields);
        match (&op.body, holder) {
            (Body::Claim { owner, yields, .. }, Some((_, place))) if foreign(*owner, *yields) => 1 - place,
            (_, Some((_, place))) => place,
            (Body::Claim { owner, .. }, None) => owner.get().count_ones() as usize % 2,
            (_, None) => self.next(),
        }
    }

    fn note(&self, key: &GrantKey, body: &Body, reply: &Reply, place: usize) {
        let mut holders = self.holders.lock().unwrap();
        match (body, reply) {
            (Body::Claim { owner, .. }, Reply::Granted(_)) => {
                holders.insert(key.clone(), (*owner, place));
            }
            (_, Reply::Stored { .. }) => {
                holders.remove(key);
            }
            _ => {}
        }
    }
}

impl Store for Pair {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        self.stores[self.next()].load(key)
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        Box::pin(async move {
            let (place, body) = (self.place(key, &op), op.body.clone());
            let reply = self.stores[place].apply(key, op).await?;
            self.note(key, &body, &reply, place);
            Ok(reply)
        })
    }
}
