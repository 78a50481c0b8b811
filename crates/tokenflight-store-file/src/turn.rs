//! The turns that this store has: the kernel locks under which its sessions present.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
};

use tokenflight_core::store::{GrantKey, Owner};

use crate::{FileError, lock::Lock, place::Place};

/// Who has the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// The owner that asked.
    Mine,
    /// Another attempt, by a session that uses this very store.
    Ours,
    /// Another process, or another store of this one. It lives.
    Theirs,
}

/// The turns of a store. They can be given back whatever has become of the files.
#[derive(Default)]
pub(crate) struct Turns {
    held: HashMap<GrantKey, Turn>,
    /// Lock files that were seen to exclude.
    proved: HashSet<PathBuf>,
}

struct Turn {
    lock: Lock,
    owner: Owner,
}

impl Turns {
    /// Takes the turn for an attempt, if it is free or the attempt's that yields.
    pub(crate) fn take(
        &mut self,
        place: &Place,
        key: &GrantKey,
        owner: Owner,
        yields: Option<Owner>,
    ) -> Result<Hold, FileError> {
        if let Some(turn) = self.held.get_mut(key) {
            if turn.lock.excludes_at(&place.turn)? {
                let mine = turn.owner == owner || Some(turn.owner) == yields;
                if mine {
                    turn.owner = owner;
                }
                return Ok(if mine { Hold::Mine } else { Hold::Ours });
            }
            // Another file is there now. What is locked excludes no other process.
            self.held.remove(key);
        }
        let Some(lock) = Lock::acquire(&place.turn)? else { return Ok(Hold::Theirs) };
        if !self.proved.contains(&place.turn) {
            lock.prove()?;
            self.proved.insert(place.turn.clone());
        }
        self.held.insert(key.clone(), Turn { lock, owner });
        Ok(Hold::Mine)
    }

    /// Which file is locked, if it is the one that others lock.
    pub(crate) fn id(&self, place: &Place, key: &GrantKey) -> Result<Option<u128>, FileError> {
        let Some(turn) = self.held.get(key) else { return Ok(None) };
        Ok(turn.lock.excludes_at(&place.turn)?.then_some(turn.lock.id))
    }

    pub(crate) fn hand_over(&mut self, key: &GrantKey, owner: Owner) {
        if let Some(turn) = self.held.get_mut(key) {
            turn.owner = owner;
        }
    }

    /// Gives the turn back if it is this owner's.
    pub(crate) fn release(&mut self, key: &GrantKey, owner: Owner) {
        if self.held.get(key).is_some_and(|turn| turn.owner == owner) {
            self.held.remove(key);
        }
    }

    /// Gives the turn back unless it is this owner's.
    pub(crate) fn keep_for(&mut self, key: &GrantKey, owner: Option<Owner>) {
        if self.held.get(key).is_some_and(|turn| Some(turn.owner) != owner) {
            self.held.remove(key);
        }
    }
}
