//! The operations, one step each: lock, read, [`apply`], replace, unlock.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokenflight_core::{
    Epoch,
    store::{Body, Entry, EntryState, Facts, GrantKey, Incarnation, LockId, Op, Owner, Reply, Seen, StoreError, apply},
};

use crate::{
    FileError,
    lock::{self, Lock},
    os,
    place::Place,
    record,
    settings::Settings,
    turn::{Hold, Turns},
};

/// How a step went.
pub(crate) enum Step<T> {
    Done(T),
    /// Another process is within a step on this record: try again soon.
    Later,
}

/// What the thread of a store knows of its records.
pub(crate) struct Steps {
    settings: Arc<Settings>,
    turns: Turns,
    /// Paths whose folder was found or made once. It is not made a second time.
    found: HashSet<PathBuf>,
    /// The types of the file systems of folders.
    kinds: HashMap<PathBuf, Option<String>>,
    /// Records that were replaced by a name which may not be durable.
    unsynced: HashSet<PathBuf>,
}

impl Steps {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            settings,
            turns: Turns::default(),
            found: HashSet::new(),
            kinds: HashMap::new(),
            unsynced: HashSet::new(),
        }
    }

    /// Reads the entry. It waits for nothing.
    pub(crate) fn load(&mut self, key: &GrantKey) -> Result<Seen, FileError> {
        let place = self.place(key)?;
        // Which file is the lock is the storage's incarnation. Where none can be made, the record
        // can still be read.
        let mut here = lock::id_at(&place.lock)?;
        if here.is_none() && lock::make(&place.lock).is_ok() {
            here = lock::id_at(&place.lock)?;
        }
        let entry = record::read(&place, key)?;
        Ok(Seen::new(entry, self.facts(&place, key, here)?))
    }

    /// Does an operation, unless another process is within a step.
    pub(crate) fn apply(&mut self, key: &GrantKey, op: &Op) -> Step<Result<Reply, StoreError>> {
        let step = self.writable(key).map_err(StoreError::from).and_then(|place| match op.body {
            Body::Claim { owner, yields, .. } => self.claim(&place, key, op, owner, yields),
            _ => self.report(&place, key, op),
        });
        let result = match step {
            Ok(Step::Later) => return Step::Later,
            Ok(Step::Done(reply)) => Ok(reply),
            Err(error) => Err(error),
        };
        self.end_turn(key, op, result.as_ref().ok());
        Step::Done(result)
    }

    /// Another process did not end its step in time.
    pub(crate) fn give_up(&mut self, key: &GrantKey, op: &Op, waited: Duration) -> StoreError {
        self.end_turn(key, op, None);
        match self.place(key) {
            Ok(place) => FileError::Held { path: place.lock, waited }.into(),
            Err(error) => error.into(),
        }
    }

    /// The claim of this owner has no holder any more: its future was dropped.
    pub(crate) fn abandon(&mut self, key: &GrantKey, owner: Owner) {
        self.turns.release(key, owner);
    }

    /// A claim: first the turn, then the step. So nothing waits for a turn within a step.
    fn claim(
        &mut self,
        place: &Place,
        key: &GrantKey,
        op: &Op,
        owner: Owner,
        yields: Option<Owner>,
    ) -> Result<Step<Reply>, StoreError> {
        let hold = self.turns.take(place, key, owner, yields)?;
        if hold == Hold::Theirs {
            return self.watch(place, key, op).map(Step::Done).map_err(StoreError::from);
        }
        let Some(lock) = Lock::acquire(&place.lock)? else { return Ok(Step::Later) };
        let entry = record::read(place, key)?;
        let mut facts = self.facts(place, key, Some(lock.id))?;
        if hold == Hold::Ours {
            // The holder's death is not proved: it is a part of this process.
            facts.lock = None;
        }
        let (next, reply) = apply(entry.as_ref(), op, &facts);
        refuse_copy(place, entry.as_ref(), &facts, &reply)?;
        let Some(mut next) = next else {
            return Ok(Step::Done(match reply {
                Reply::Granted(entry) if hold == Hold::Ours => busy(Some(&entry)),
                reply => self.unchanged(place, reply)?,
            }));
        };
        if hold == Hold::Ours
            && let Some(claim) = &mut next.claim
            && matches!(reply, Reply::Granted(_))
        {
            // It ran out and brought nothing. The turn goes to the next owner without being free.
            claim.lock = self.lock(place, key)?;
            self.turns.hand_over(key, owner);
        }
        let next = self.write(place, key, next, entry)?;
        Ok(Step::Done(with_entry(reply, next)))
    }

    /// The answer to a claim while a living process has the turn. It is never granted, however long
    /// that process has had it.
    fn watch(&mut self, place: &Place, key: &GrantKey, op: &Op) -> Result<Reply, FileError> {
        let entry = record::read(place, key)?;
        let mut facts = self.facts(place, key, lock::id_at(&place.lock)?)?;
        (facts.lock, facts.trusted) = (None, false);
        let (_, reply) = apply(entry.as_ref(), &op.clone().watched(Duration::ZERO), &facts);
        refuse_copy(place, entry.as_ref(), &facts, &reply)?;
        Ok(match reply {
            Reply::Granted(_) | Reply::Busy { .. } => busy(entry.as_ref()),
            reply => reply,
        })
    }

    /// Every other operation. It needs no turn and waits for none: a login or logout counts
    /// whatever is on its way.
    fn report(&mut self, place: &Place, key: &GrantKey, op: &Op) -> Result<Step<Reply>, StoreError> {
        let Some(lock) = Lock::acquire(&place.lock)? else { return Ok(Step::Later) };
        let facts = self.facts(place, key, Some(lock.id))?;
        let entry = match record::read(place, key) {
            Err(FileError::Damaged { .. }) if is_login(op) => return self.replace_damaged(place, key, op, &facts),
            entry => entry?,
        };
        let (next, reply) = apply(entry.as_ref(), op, &facts);
        let Some(next) = next else { return Ok(Step::Done(self.unchanged(place, reply)?)) };
        let next = self.write(place, key, next, entry)?;
        Ok(Step::Done(with_entry(reply, next)))
    }

    /// A login takes the place of a record that cannot be read, and of no other. Which login that
    /// held is not known.
    fn replace_damaged(
        &mut self,
        place: &Place,
        key: &GrantKey,
        op: &Op,
        facts: &Facts,
    ) -> Result<Step<Reply>, StoreError> {
        let mut op = op.clone();
        if let Body::Reset { base, .. } = &mut op.body {
            *base = None;
        }
        let (Some(mut next), reply) = apply(None, &op, facts) else {
            return Err(StoreError::not_done("a login that is not stored"));
        };
        // How many logins there were is not known. The seconds of the wall clock are more, so
        // others see a later one.
        next.epoch = Epoch::new(os::wall_clock().as_secs());
        record::keep_bad(place)?;
        let next = self.write(place, key, next, None)?;
        Ok(Step::Done(with_entry(reply, next)))
    }

    fn write(
        &mut self,
        place: &Place,
        key: &GrantKey,
        next: Entry,
        before: Option<Entry>,
    ) -> Result<Entry, StoreError> {
        match record::replace(place, key, next) {
            Ok(next) => {
                self.unsynced.remove(&place.record);
                Ok(next)
            }
            Err(failed) => {
                if failed.unknown {
                    self.unsynced.insert(place.record.clone());
                }
                Err(failed.computed_on(before))
            }
        }
    }

    /// Nothing is to be written. But what an earlier try wrote is answered for only when durable.
    fn unchanged(&mut self, place: &Place, reply: Reply) -> Result<Reply, StoreError> {
        if self.unsynced.contains(&place.record) {
            record::sync(place).map_err(|failed| StoreError::unknown(failed.error))?;
            self.unsynced.remove(&place.record);
        }
        Ok(reply)
    }

    /// The turn is kept from before the claim until commit, end or settle is stored.
    ///
    /// A commit that failed keeps it: this process has the only successor, and nothing else may
    /// present the predecessor.
    fn end_turn(&mut self, key: &GrantKey, op: &Op, reply: Option<&Reply>) {
        match (&op.body, reply) {
            (Body::Claim { .. }, Some(Reply::Granted(_))) => {}
            // A claim of which nothing is known is found again by its next try, with or without the
            // turn in between.
            (Body::Claim { owner, .. } | Body::Settle { owner, .. }, _) => self.turns.release(key, *owner),
            (_, Some(reply)) => self.turns.keep_for(key, claimant(reply)),
            (_, None) => {}
        }
    }

    /// Where the record of a key lives.
    fn place(&mut self, key: &GrantKey) -> Result<Place, FileError> {
        let path = self.settings.path(key)?;
        let mut place = Place::find(&path)?;
        if place.is_none() && !self.found.contains(&path) {
            Place::make(&path)?;
            place = Place::find(&path)?;
        }
        let gone = || FileError::Gone { path: path.parent().unwrap_or(&path).to_owned() };
        let place = place.ok_or_else(gone)?;
        let metadata = fs::metadata(&place.folder).map_err(|_| gone())?;
        os::check_folder(&place.folder, &metadata)?;
        self.found.insert(path);
        Ok(place)
    }

    /// The same, if locks exclude every process that may write there.
    fn writable(&mut self, key: &GrantKey) -> Result<Place, FileError> {
        let place = self.place(key)?;
        match self.network(&place).filter(|_| !self.settings.network) {
            Some(kind) => Err(FileError::Network { path: place.folder, kind }),
            None => Ok(place),
        }
    }

    /// The type of the file system if other machines reach it.
    fn network(&mut self, place: &Place) -> Option<String> {
        let kind = self.kinds.entry(place.folder.clone()).or_insert_with(|| os::kind(&place.folder));
        kind.clone().filter(|kind| os::is_network(kind))
    }

    /// What the storage says, where `here` is the file that is locked for a step.
    fn facts(&mut self, place: &Place, key: &GrantKey, here: Option<u128>) -> Result<Facts, FileError> {
        let local = self.network(place).is_none();
        let mut facts = if local { os::clock() } else { Facts::none() };
        facts.incarnation = here.map(Incarnation::new);
        facts.lock = self.lock(place, key)?;
        Ok(facts)
    }

    /// The turn, if it is ours, still in its place, and proof that no other process presents.
    fn lock(&mut self, place: &Place, key: &GrantKey) -> Result<Option<LockId>, FileError> {
        let local = self.network(place).is_none();
        Ok(self.turns.id(place, key)?.filter(|_| local).map(LockId::new))
    }
}

/// A copy of a record is served, but only one of the two presents.
fn refuse_copy(place: &Place, entry: Option<&Entry>, facts: &Facts, reply: &Reply) -> Result<(), FileError> {
    let copied = entry.is_some_and(|entry| is_copy(entry, facts.incarnation));
    match copied && !matches!(reply, Reply::Changed(_)) {
        true => Err(FileError::Copied { path: place.record.clone() }),
        false => Ok(()),
    }
}

/// Whether an entry is at home elsewhere. One that a late try of a login or commit wrote is at home
/// nowhere; for that one the contract's quarantine will do.
pub(crate) fn is_copy(entry: &Entry, here: Option<Incarnation>) -> bool {
    entry.home.is_some() && entry.home != here && entry.state != EntryState::Empty
}

const fn is_login(op: &Op) -> bool {
    matches!(op.body, Body::Reset { tokens: Some(_), .. })
}

/// When the turn ends is known to its holder alone.
fn busy(entry: Option<&Entry>) -> Reply {
    let claim = entry.and_then(|entry| entry.claim.as_ref());
    Reply::Busy { retry_after: None, holder: claim.map(|claim| claim.holder.clone()) }
}

/// The same reply about the entry as it was stored.
fn with_entry(reply: Reply, stored: Entry) -> Reply {
    match reply {
        Reply::Granted(_) => Reply::Granted(stored),
        Reply::Stored { replaced, .. } => Reply::Stored { entry: stored, replaced },
        reply => reply,
    }
}

/// Whose claim is stored after an operation.
fn claimant(reply: &Reply) -> Option<Owner> {
    match reply {
        Reply::Granted(entry)
        | Reply::Changed(entry)
        | Reply::Conflict(entry)
        | Reply::Overtaken(entry)
        | Reply::Stored { entry, .. } => entry.claim.as_ref().map(|claim| claim.owner),
        Reply::Busy { .. } | Reply::Nothing => None,
    }
}
