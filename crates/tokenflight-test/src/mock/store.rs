use std::{
    collections::{HashMap, VecDeque},
    fmt,
    future::pending,
    sync::{Arc, Mutex},
};

use tokenflight_core::{
    BoxFuture,
    store::{Body, GrantKey, Op, OpId, Owner, Reply, Seen, Store, StoreError},
};

use super::{
    Fate, Gate,
    journal::{Journal, Ticket},
};
use crate::{ModelStore, lock::lock};

/// What a [`Store`] can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // The contract has these and no others.
pub enum OpKind {
    /// [`Store::load`].
    Load,
    /// [`Body::Claim`].
    Claim,
    /// [`Body::Commit`].
    Commit,
    /// [`Body::End`].
    End,
    /// [`Body::Settle`].
    Settle,
    /// [`Body::Reset`].
    Reset,
    /// [`Body::Again`].
    Again,
}

/// What goes wrong with one operation of a [`MockStore`]. Loads have no effect: for them only the
/// answer matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// Nothing. Holds a place in the script.
    None,
    /// It was certainly not done: [`NotDone`](tokenflight_core::store::StoreErrorKind::NotDone).
    Fail,
    /// It was done, but the answer was lost:
    /// [`Unknown`](tokenflight_core::store::StoreErrorKind::Unknown).
    FailAfter,
    /// It was not done, but that is not known:
    /// [`Unknown`](tokenflight_core::store::StoreErrorKind::Unknown).
    Unknown,
    /// It is on its way, and the answer was lost:
    /// [`Unknown`](tokenflight_core::store::StoreErrorKind::Unknown). It is done right before the
    /// next operation on the store, or when [`MockStore::let_arrive`] says so.
    Late,
    /// As [`Late`](Self::Late), but it is done only when [`MockStore::let_arrive`] says so.
    Zombie,
    /// It was not done and never will be:
    /// [`Refused`](tokenflight_core::store::StoreErrorKind::Refused).
    Refuse,
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
pub struct StoreCall {
    /// Which one.
    pub kind: OpKind,
    /// On which grant.
    pub key: GrantKey,
    /// Its name; loads have none.
    pub id: Option<OpId>,
    /// By which owner, if the operation names one.
    pub owner: Option<Owner>,
    /// What became of it.
    pub fate: Fate,
}

/// A [`Store`] before another one, with scripted troubles and gates. Cloning shares it.
///
/// Each operation is written down, takes the first trouble scripted for its kind, passes the gate
/// of its kind, and is then done by the store behind.
///
/// ```
/// use futures_util::FutureExt;
/// use tokenflight_core::store::{GrantKey, Store};
/// use tokenflight_test::{MockStore, mock::{OpKind, Trouble}};
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
    journal: Journal<StoreCall>,
}

#[derive(Default)]
struct Script {
    troubles: HashMap<OpKind, VecDeque<Trouble>>,
    gates: HashMap<OpKind, Gate>,
    down: bool,
    unfinished: Vec<Unfinished>,
}

/// An operation that was answered with an error and is yet to be done.
struct Unfinished {
    key: GrantKey,
    op: Op,
    until_told: bool,
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
    pub fn log(&self) -> Vec<StoreCall> {
        self.0.journal.map(|(call, fate)| StoreCall { fate: *fate, ..call.clone() })
    }

    /// The kinds of the [log](Self::log).
    #[must_use]
    pub fn kinds(&self) -> Vec<OpKind> {
        self.0.journal.map(|(call, _)| call.kind)
    }

    /// How many operations of a kind have begun.
    #[must_use]
    pub fn count(&self, kind: OpKind) -> usize {
        self.kinds().into_iter().filter(|&other| other == kind).count()
    }

    /// Does what is still on its way: [`Trouble::Late`] and [`Trouble::Zombie`]. Returns the
    /// answers that nothing waits for.
    pub async fn let_arrive(&self) -> Vec<Result<Reply, StoreError>> {
        self.arrive(|_| true).await
    }

    async fn arrive(&self, which: impl Fn(&Unfinished) -> bool) -> Vec<Result<Reply, StoreError>> {
        let arriving: Vec<_> = lock(&self.0.script).unfinished.extract_if(.., |unfinished| which(unfinished)).collect();
        let mut replies = Vec::with_capacity(arriving.len());
        for Unfinished { key, op, .. } in arriving {
            replies.push(self.0.behind.apply(&key, op).await);
        }
        replies
    }

    /// What every call begins with: it is written down, gets its trouble, and passes the gate.
    async fn begin(&self, key: &GrantKey, op: Option<&Op>) -> (Ticket<'_, StoreCall>, Trouble) {
        let (kind, owner) = op.map_or((OpKind::Load, None), |op| kind(&op.body));
        let call = StoreCall { kind, key: key.clone(), id: op.map(|op| op.id), owner, fate: Fate::Running };
        let ticket = self.0.journal.begin(call);
        let (trouble, gate) = lock(&self.0.script).next(kind);
        gate.pass().await;
        self.arrive(|unfinished| !unfinished.until_told).await;
        (ticket, trouble)
    }

    async fn play_load(&self, key: &GrantKey) -> Result<Seen, StoreError> {
        let (ticket, trouble) = self.begin(key, None).await;
        before(trouble, &ticket).await?;
        let result = self.0.behind.load(key).await;
        after(trouble, &ticket).await;
        settle(&ticket, if trouble.loses_the_answer() { Err(StoreError::unknown(SAYS)) } else { result })
    }

    async fn play_apply(&self, key: &GrantKey, op: Op) -> Result<Reply, StoreError> {
        let (ticket, trouble) = self.begin(key, Some(&op)).await;
        before(trouble, &ticket).await?;
        let result = if trouble.loses_the_answer() {
            Err(self.lose_the_answer(trouble, key, op).await)
        } else {
            self.0.behind.apply(key, op).await
        };
        after(trouble, &ticket).await;
        settle(&ticket, result)
    }

    async fn lose_the_answer(&self, trouble: Trouble, key: &GrantKey, op: Op) -> StoreError {
        let tried = match self.0.behind.load(key).await {
            Ok(seen) => seen.entry,
            Err(error) => return error,
        };
        match trouble {
            Trouble::FailAfter => {
                if let Err(error) = self.0.behind.apply(key, op).await {
                    return error;
                }
            }
            Trouble::Late | Trouble::Zombie => {
                let unfinished = Unfinished { key: key.clone(), op, until_told: trouble == Trouble::Zombie };
                lock(&self.0.script).unfinished.push(unfinished);
            }
            _ => {}
        }
        StoreError::unknown(SAYS).computed_on(tried)
    }
}

impl Trouble {
    const fn loses_the_answer(self) -> bool {
        matches!(self, Self::FailAfter | Self::Unknown | Self::Late | Self::Zombie)
    }
}

impl Script {
    fn next(&mut self, kind: OpKind) -> (Trouble, Gate) {
        let scripted = self.troubles.get_mut(&kind).and_then(VecDeque::pop_front);
        let otherwise = if self.down { Trouble::Fail } else { Trouble::None };
        (scripted.unwrap_or(otherwise), self.gates.entry(kind).or_default().clone())
    }
}

const fn kind(body: &Body) -> (OpKind, Option<Owner>) {
    match body {
        Body::Claim { owner, .. } => (OpKind::Claim, Some(*owner)),
        Body::Commit { .. } => (OpKind::Commit, None),
        Body::End { owner, .. } => (OpKind::End, Some(*owner)),
        Body::Settle { owner, .. } => (OpKind::Settle, Some(*owner)),
        Body::Reset { .. } => (OpKind::Reset, None),
        Body::Again { .. } => (OpKind::Again, None),
    }
}

const SAYS: &str = "the script of the mock store says so";

/// The troubles that come before the effect.
async fn before(trouble: Trouble, ticket: &Ticket<'_, StoreCall>) -> Result<(), StoreError> {
    match trouble {
        Trouble::Fail => settle(ticket, Err(StoreError::not_done(SAYS))),
        Trouble::Refuse => settle(ticket, Err(StoreError::refused(SAYS))),
        Trouble::Panic => panic_as_scripted(ticket),
        Trouble::Hang => pending().await,
        _ => Ok(()),
    }
}

/// The troubles that come after the effect.
async fn after(trouble: Trouble, ticket: &Ticket<'_, StoreCall>) {
    match trouble {
        Trouble::PanicAfter => panic_as_scripted(ticket),
        Trouble::HangAfter => pending().await,
        _ => {}
    }
}

fn panic_as_scripted(ticket: &Ticket<'_, StoreCall>) -> ! {
    ticket.settle(Fate::Panicked);
    panic!("the script of the mock store says panic");
}

fn settle<T>(ticket: &Ticket<'_, StoreCall>, result: Result<T, StoreError>) -> Result<T, StoreError> {
    ticket.settle(if result.is_ok() { Fate::Succeeded } else { Fate::Failed });
    result
}

impl fmt::Debug for MockStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockStore").field("operations", &self.0.journal.len()).finish_non_exhaustive()
    }
}

impl Store for MockStore {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        Box::pin(self.play_load(key))
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        Box::pin(self.play_apply(key, op))
    }

    fn changed<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, ()> {
        self.0.behind.changed(key)
    }

    fn is_private(&self) -> bool {
        self.0.behind.is_private()
    }
}
