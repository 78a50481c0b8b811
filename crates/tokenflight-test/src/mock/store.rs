use std::{
    collections::{HashMap, VecDeque},
    fmt,
    future::pending,
    sync::{Arc, Mutex},
};

use tokenflight_core::{
    BoxFuture, Epoch, Generation, Store,
    lease::{Claim, Commit, End, GrantKey, Lease, Owner, Record, Reset, Settle, StoreError, Write},
};

use super::{
    Fate, Gate,
    journal::{Journal, Ticket},
};
use crate::{ModelStore, lock::lock};

/// The operations of a [`Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // The trait has these and no others.
pub enum OpKind {
    /// [`Store::load`].
    Load,
    /// [`Store::lease`].
    Lease,
    /// [`Store::intend`].
    Intend,
    /// [`Store::commit`].
    Commit,
    /// [`Store::end`].
    End,
    /// [`Store::settle`].
    Settle,
    /// [`Store::reset`].
    Reset,
}

/// What goes wrong with one operation of a [`MockStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// Nothing. Holds a place in the script.
    None,
    /// An error; nothing was done.
    Fail,
    /// An error, although it was done.
    FailAfter,
    /// A panic; nothing was done.
    Panic,
    /// A panic, although it was done.
    PanicAfter,
    /// No answer, ever; nothing was done.
    Hang,
    /// No answer, ever, although it was done.
    HangAfter,
}

/// One operation on a [`MockStore`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Op {
    /// Which one.
    pub kind: OpKind,
    /// On which grant.
    pub key: GrantKey,
    /// By which owner, if the operation names one.
    pub owner: Option<Owner>,
    /// What became of it.
    pub fate: Fate,
}

/// A [`Store`] before another one, with scripted troubles and gates. Cloning shares it.
///
/// Each operation is written down, takes the first trouble scripted for its kind, passes the gate of its kind, and is
/// then done by the store behind.
///
/// ```
/// use futures_util::FutureExt;
/// use tokenflight_core::{Store, lease::GrantKey};
/// use tokenflight_test::mock::{MockStore, OpKind, Trouble};
///
/// let (store, key) = (MockStore::new(), GrantKey::new("alice"));
/// store.push(OpKind::Load, Trouble::Fail);
/// assert!(store.load(&key).now_or_never().unwrap().is_err());
/// assert!(store.load(&key).now_or_never().unwrap().is_ok());
/// assert_eq!(store.kinds(), [OpKind::Load, OpKind::Load]);
/// ```
#[derive(Clone)]
pub struct MockStore(Arc<Inner>);

struct Inner {
    behind: Box<dyn Store>,
    script: Mutex<Script>,
    journal: Journal<Op>,
}

#[derive(Default)]
struct Script {
    troubles: HashMap<OpKind, VecDeque<Trouble>>,
    gates: HashMap<OpKind, Gate>,
    down: bool,
}

impl Default for MockStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MockStore {
    /// Before an empty [`ModelStore`] of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::before(ModelStore::new())
    }

    /// Before this store. Hand over a clone of a [`ModelStore`] to look behind the mock.
    pub fn before(store: impl Store) -> Self {
        Self(Arc::new(Inner { behind: Box::new(store), script: Mutex::default(), journal: Journal::default() }))
    }

    /// Says what goes wrong with the next unscripted operation of a kind.
    pub fn push(&self, kind: OpKind, trouble: Trouble) {
        lock(&self.0.script).troubles.entry(kind).or_default().push_back(trouble);
    }

    /// From now on every operation without a trouble of its own fails, or no longer.
    pub fn set_down(&self, down: bool) {
        lock(&self.0.script).down = down;
    }

    /// Where operations of a kind wait before they are done.
    #[must_use]
    pub fn gate(&self, kind: OpKind) -> Gate {
        lock(&self.0.script).gates.entry(kind).or_default().clone()
    }

    /// Every operation that was ever polled, in order.
    #[must_use]
    pub fn log(&self) -> Vec<Op> {
        self.0.journal.map(|(op, fate)| Op { fate: *fate, ..op.clone() })
    }

    /// The kinds of the [log](Self::log).
    #[must_use]
    pub fn kinds(&self) -> Vec<OpKind> {
        self.0.journal.map(|(op, _)| op.kind)
    }

    /// How many operations of a kind have begun.
    #[must_use]
    pub fn count(&self, kind: OpKind) -> usize {
        self.kinds().into_iter().filter(|&other| other == kind).count()
    }

    async fn run<'a, T>(
        &'a self,
        kind: OpKind,
        key: &'a GrantKey,
        owner: Option<Owner>,
        op: impl FnOnce(&'a dyn Store) -> BoxFuture<'a, Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let ticket = self.0.journal.begin(Op { kind, key: key.clone(), owner, fate: Fate::Running });
        let (trouble, gate) = lock(&self.0.script).next(kind);
        gate.pass().await;
        meet(trouble, &ticket, [Trouble::Fail, Trouble::Panic, Trouble::Hang]).await?;
        let result = op(&*self.0.behind).await;
        meet(trouble, &ticket, [Trouble::FailAfter, Trouble::PanicAfter, Trouble::HangAfter]).await?;
        ticket.settle(if result.is_ok() { Fate::Succeeded } else { Fate::Failed });
        result
    }
}

impl Script {
    fn next(&mut self, kind: OpKind) -> (Trouble, Gate) {
        let scripted = self.troubles.get_mut(&kind).and_then(VecDeque::pop_front);
        let otherwise = if self.down { Trouble::Fail } else { Trouble::None };
        (scripted.unwrap_or(otherwise), self.gates.entry(kind).or_default().clone())
    }
}

/// Lets the trouble happen if this is its place.
async fn meet(trouble: Trouble, ticket: &Ticket<'_, Op>, [fail, panic, hang]: [Trouble; 3]) -> Result<(), StoreError> {
    if trouble == fail {
        ticket.settle(Fate::Failed);
        return Err(StoreError::new("the script of the mock store says fail"));
    }
    if trouble == panic {
        ticket.settle(Fate::Panicked);
        panic!("the script of the mock store says panic");
    }
    if trouble == hang {
        pending::<()>().await;
    }
    Ok(())
}

impl fmt::Debug for MockStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockStore").field("operations", &self.0.journal.len()).finish_non_exhaustive()
    }
}

impl Store for MockStore {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        Box::pin(self.run(OpKind::Load, key, None, |store| store.load(key)))
    }

    fn lease<'a>(&'a self, key: &'a GrantKey, claim: Claim) -> BoxFuture<'a, Result<Lease, StoreError>> {
        Box::pin(self.run(OpKind::Lease, key, Some(claim.owner), move |store| store.lease(key, claim)))
    }

    fn intend<'a>(&'a self, key: &'a GrantKey, owner: Owner) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(self.run(OpKind::Intend, key, Some(owner), move |store| store.intend(key, owner)))
    }

    fn commit<'a>(&'a self, key: &'a GrantKey, commit: Commit) -> BoxFuture<'a, Result<Write, StoreError>> {
        Box::pin(self.run(OpKind::Commit, key, Some(commit.owner), move |store| store.commit(key, commit)))
    }

    fn end<'a>(&'a self, key: &'a GrantKey, end: End) -> BoxFuture<'a, Result<Write, StoreError>> {
        Box::pin(self.run(OpKind::End, key, Some(end.owner), move |store| store.end(key, end)))
    }

    fn settle<'a>(&'a self, key: &'a GrantKey, owner: Owner, outcome: Settle) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.run(OpKind::Settle, key, Some(owner), move |store| store.settle(key, owner, outcome)))
    }

    fn reset<'a>(&'a self, key: &'a GrantKey, reset: Reset) -> BoxFuture<'a, Result<(Epoch, Generation), StoreError>> {
        Box::pin(self.run(OpKind::Reset, key, None, move |store| store.reset(key, reset)))
    }
}
