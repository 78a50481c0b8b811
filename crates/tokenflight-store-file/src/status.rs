//! What people and command lines ask: what is stored, who presents, and what is in the way.

use std::{fs, path::PathBuf, thread, time::Duration};

use tokenflight_core::store::{Doubt, Entry, GrantKey, Incarnation, OpId};

use crate::{
    FileError, FileStore,
    lock::{self, Lock},
    os,
    place::Place,
    record,
    steps::is_copy,
    thread::PATIENCE,
};

/// What is known of one record, from [`FileStore::status`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The record: links are followed, the folder is canonical.
    pub path: PathBuf,
    /// The type of the file system it is on, where the platform tells.
    pub file_system: Option<String>,
    /// What is stored; nothing if there was no login.
    pub entry: Option<Entry>,
    /// Whether the record was copied or restored from elsewhere; see [`FileStore::adopt`].
    pub is_copy: bool,
    /// Who may present.
    pub presenter: Presenter,
}

/// Who may present the refresh token of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Presenter {
    /// Nothing claims it.
    Free,
    /// A living process has the turn; it may be stopped.
    Alive {
        /// Who it is, in its own words ([`Claim::holder`](tokenflight_core::store::Claim::holder)),
        /// if it has claimed the record yet.
        holder: Option<Box<str>>,
    },
    /// The process that claimed the record is dead and has not reported what became of its request.
    Dead {
        /// Who it was.
        holder: Box<str>,
    },
}

/// Without a future and without the store's thread: each of these blocks the calling thread.
impl FileStore {
    /// Reads what is stored, by one look at the file, and makes nothing. For programs that only
    /// want a usable access token.
    ///
    /// # Errors
    ///
    /// [`FileError`]: the record cannot be read, or belongs to another user.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn read(&self, key: &GrantKey) -> Result<Option<Entry>, FileError> {
        self.place(key)?.map_or(Ok(None), |place| record::read(&place, key))
    }

    /// Says what is stored and who may present it. It takes the turn for a moment, if it is free.
    ///
    /// # Errors
    ///
    /// [`FileError`]: the record cannot be read, or belongs to another user.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn status(&self, key: &GrantKey) -> Result<Status, FileError> {
        let Some(place) = self.place(key)? else {
            let (path, presenter) = (self.path(key)?, Presenter::Free);
            return Ok(Status { path, file_system: None, entry: None, is_copy: false, presenter });
        };
        let entry = record::read(&place, key)?;
        let here = lock::id_at(&place.lock)?.map(Incarnation::new);
        let holder = entry.as_ref().and_then(|entry| entry.claim.as_ref()).map(|claim| claim.holder.clone());
        // Without a lock file nothing was ever presented from here; and looking makes none.
        let free = lock::id_at(&place.turn)?.is_none() || Lock::acquire(&place.turn)?.is_some();
        let presenter = match (free, holder) {
            (false, holder) => Presenter::Alive { holder },
            (true, Some(holder)) => Presenter::Dead { holder },
            (true, None) => Presenter::Free,
        };
        let is_copy = entry.as_ref().is_some_and(|entry| is_copy(entry, here));
        Ok(Status { file_system: os::kind(&place.folder), path: place.record, entry, is_copy, presenter })
    }

    /// Makes a copied or restored record the one that presents from now on. The refresh token
    /// counts as one that may have been presented already.
    ///
    /// Only a person can know that the original is gone. If it is not, both present the same
    /// refresh token, and many servers end the session then.
    ///
    /// Blocks for as long as another process takes for a step, 5 s at most.
    ///
    /// # Errors
    ///
    /// [`FileError`]: nothing was changed.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn adopt(&self, key: &GrantKey) -> Result<(), FileError> {
        let Some(place) = self.place(key)? else { return Ok(()) };
        let lock = step(&place)?;
        let here = Some(Incarnation::new(lock.id));
        let Some(mut entry) = record::read(&place, key)?.filter(|entry| is_copy(entry, here)) else { return Ok(()) };
        entry.op = OpId::unique();
        entry.home = here;
        // A claim is the original's, and so is what was made of it.
        entry.claim = None;
        entry.doubt = Some(Doubt::since(None));
        record::replace(&place, key, entry).map(drop).map_err(|failed| failed.error)
    }

    /// Takes the turn away from the process that has it, putting another file in place of the lock.
    ///
    /// Only for a process that inherited the turn from the one that took it and lives on, or that
    /// hangs for ever. It should be ended instead where possible: if it presents after all, two do.
    ///
    /// # Errors
    ///
    /// [`FileError`]: nothing was changed.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn release(&self, key: &GrantKey) -> Result<(), FileError> {
        let Some(place) = self.place(key)? else { return Ok(()) };
        let _lock = step(&place)?;
        // Under the name of a draft first, so that there is a lock file at every moment.
        let _ = fs::remove_file(&place.draft);
        let made = lock::make(&place.draft).and_then(|()| fs::rename(&place.draft, &place.turn));
        made.map_err(|source| FileError::io("replacing", &place.turn, source))
    }

    /// Where the record lives; `None` if there is no such folder.
    fn place(&self, key: &GrantKey) -> Result<Option<Place>, FileError> {
        let place = Place::find(&self.settings().path(key)?)?;
        if let Some(place) = &place {
            let metadata = fs::metadata(&place.folder);
            let metadata = metadata.map_err(|source| FileError::io("looking at", &place.folder, source))?;
            os::check_folder(&place.folder, &metadata)?;
        }
        Ok(place)
    }
}

/// The lock of a step, once others have ended theirs.
fn step(place: &Place) -> Result<Lock, FileError> {
    let mut waited = Duration::ZERO;
    loop {
        match Lock::acquire(&place.lock)? {
            Some(lock) => return Ok(lock),
            None if waited >= PATIENCE => return Err(FileError::Held { path: place.lock.clone(), waited }),
            None => thread::park_timeout(PAUSE),
        }
        waited += PAUSE;
    }
}

/// Between two looks at a lock.
const PAUSE: Duration = Duration::from_millis(10);
