use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokenflight_core::{
    BoxFuture, Time,
    store::{Clock, ClockId, Entry, Facts, GrantKey, Incarnation, LockId, Op, Reply, Seen, Store, StoreError, apply},
};

use crate::lock::lock;

/// The [`Store`] contract in its plainest form: a map under a mutex, and [`apply`].
///
/// It is the twin that other stores are compared with, and the floor under
/// [`MockStore`](crate::MockStore). Nothing survives the process, and every operation is done by
/// the first poll of its future.
///
/// At first it is a storage within one process, which times claims by the clock of the sessions
/// ([`Facts::in_process`]). A test can make it another: one [without a clock](Self::set_facts), one
/// with a [clock of its own](Self::set_clock), one that [loses writes](Self::fail_over), one with
/// [kernel locks](Self::try_lock).
///
/// Cloning shares it within a process; [`another_process`](Self::another_process) only its entries.
///
/// ```
/// use tokenflight_core::{Epoch, store::{Body, GrantKey, Op, Store}};
/// use tokenflight_test::{ManualTime, ModelStore};
///
/// let (time, store, key) = (ManualTime::new(0), ModelStore::new(), GrantKey::new("alice"));
/// let logout = Op::new(None, time.now(), Body::Reset { base: None, tokens: None });
/// time.run(store.apply(&key, logout))?;
/// assert_eq!(store.entry(&key).unwrap().epoch, Epoch::new(1));
/// # Ok::<_, tokenflight_core::store::StoreError>(())
/// ```
#[derive(Clone, Default)]
pub struct ModelStore {
    shared: Arc<Mutex<Shared>>,
    process: Arc<Mutex<Process>>,
}

/// What all processes share.
struct Shared {
    entries: HashMap<GrantKey, Entry>,
    /// What every write replaced, oldest first.
    history: Vec<(GrantKey, Option<Entry>)>,
    incarnation: Option<Incarnation>,
    /// The identity of the lock file, and the process that has it locked.
    lock: (LockId, Option<usize>),
    processes: usize,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            history: Vec::new(),
            incarnation: None,
            lock: (LockId::new(1), None),
            processes: 1,
        }
    }
}

/// What one process knows of the storage.
#[derive(Clone)]
struct Process {
    number: usize,
    facts: Facts,
    clock: Option<(ClockId, Arc<dyn Time>)>,
    private: bool,
}

impl Default for Process {
    fn default() -> Self {
        Self { number: 0, facts: Facts::in_process(), clock: None, private: false }
    }
}

impl ModelStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same entries as another process sees them: with its own trust in the clock, and without
    /// the lock of this one.
    #[must_use]
    pub fn another_process(&self) -> Self {
        let mut process = lock(&self.process).clone();
        let mut shared = lock(&self.shared);
        process.number = shared.processes;
        shared.processes += 1;
        drop(shared);
        Self { shared: Arc::clone(&self.shared), process: Arc::new(Mutex::new(process)) }
    }

    /// The entry of a key, without a future.
    #[must_use]
    pub fn entry(&self, key: &GrantKey) -> Option<Entry> {
        lock(&self.shared).entries.get(key).cloned()
    }

    /// Puts an entry in place, whatever was there. It counts as a write.
    pub fn set_entry(&self, key: &GrantKey, entry: Option<Entry>) {
        lock(&self.shared).write(key, entry);
    }

    /// How many writes there were, those that were lost not counted.
    #[must_use]
    pub fn writes(&self) -> usize {
        lock(&self.shared).history.len()
    }

    /// What this process would be told of the storage now.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let process = lock(&self.process).clone();
        // The clock is the test's code: it is read before the entries are locked.
        let mut facts = process.facts;
        if let Some((id, clock)) = &process.clock {
            facts.clock = Clock::Storage { id: *id, now: clock.now().wall };
        }
        let shared = lock(&self.shared);
        let (id, holder) = shared.lock;
        facts.incarnation = shared.incarnation;
        facts.lock = (holder == Some(process.number)).then_some(id);
        facts
    }

    /// Says by which clock this process times claims, and whether it trusts it. Incarnation and
    /// lock are the store's own and are not taken from here.
    pub fn set_facts(&self, facts: Facts) {
        let mut process = lock(&self.process);
        process.facts = facts;
        process.clock = None;
    }

    /// Gives the storage a clock of its own: the wall clock of `clock`. It is trusted until [told
    /// otherwise](Self::set_trusted).
    pub fn set_clock(&self, id: ClockId, clock: Arc<dyn Time>) {
        let mut process = lock(&self.process);
        process.facts = Facts::at(id, Duration::ZERO, true);
        process.clock = Some((id, clock));
    }

    /// Whether this process has seen the storage's clock keep pace with its own.
    pub fn set_trusted(&self, trusted: bool) {
        lock(&self.process).facts.trusted = trusted;
    }

    /// Whether the store says that no other process reaches its entries. It does not at first.
    pub fn set_private(&self, private: bool) {
        lock(&self.process).private = private;
    }

    /// Names the storage's incarnation; it has no name at first.
    pub fn set_incarnation(&self, incarnation: Option<Incarnation>) {
        lock(&self.shared).incarnation = incarnation;
    }

    /// A failover or restore: the last `lose` writes, of whatever key, are undone, and a new
    /// incarnation begins, whose name it returns.
    pub fn fail_over(&self, lose: usize) -> Incarnation {
        let mut shared = lock(&self.shared);
        for _ in 0..lose {
            let Some((key, before)) = shared.history.pop() else { break };
            shared.put(&key, before);
        }
        let next = shared.incarnation.map_or(0, Incarnation::get).wrapping_add(1);
        *shared.incarnation.insert(Incarnation::new(next))
    }

    /// Takes the kernel lock for this process, unless another has it. It is one lock for all keys.
    #[must_use]
    pub fn try_lock(&self) -> bool {
        let number = lock(&self.process).number;
        let holder = &mut lock(&self.shared).lock.1;
        *holder.get_or_insert(number) == number
    }

    /// Gives the kernel lock back if this process has it; so does the end of a process.
    pub fn unlock(&self) {
        let number = lock(&self.process).number;
        lock(&self.shared).lock.1.take_if(|holder| *holder == number);
    }

    /// The lock file is replaced by another: the process that had it locked has the lock no longer.
    pub fn replace_lock(&self) {
        let mut shared = lock(&self.shared);
        shared.lock = (LockId::new(shared.lock.0.get().wrapping_add(1)), None);
    }
}

impl Shared {
    fn write(&mut self, key: &GrantKey, entry: Option<Entry>) {
        let before = self.put(key, entry);
        self.history.push((key.clone(), before));
    }

    fn put(&mut self, key: &GrantKey, entry: Option<Entry>) -> Option<Entry> {
        match entry {
            Some(entry) => self.entries.insert(key.clone(), entry),
            None => self.entries.remove(key),
        }
    }
}

impl fmt::Debug for ModelStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = lock(&self.shared);
        let (keys, writes) = (shared.entries.len(), shared.history.len());
        f.debug_struct("ModelStore").field("keys", &keys).field("writes", &writes).finish_non_exhaustive()
    }
}

impl Store for ModelStore {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        Box::pin(async move {
            let facts = self.facts();
            Ok(Seen::new(self.entry(key), facts))
        })
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        Box::pin(async move {
            let facts = self.facts();
            let mut shared = lock(&self.shared);
            let (next, reply) = apply(shared.entries.get(key), &op, &facts);
            if next.is_some() {
                shared.write(key, next);
            }
            Ok(reply)
        })
    }

    fn is_private(&self) -> bool {
        lock(&self.process).private
    }
}
