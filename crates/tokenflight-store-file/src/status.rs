//! What people and command lines ask: what is stored, who presents, and what is in the way.

use std::path::PathBuf;

use tokenflight_core::store::{Entry, GrantKey};

use crate::{FileError, FileStore};

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
    Nobody,
    /// A living process has the turn; it may be stopped.
    Alive {
        /// Who it is, in its own words ([`Claim::holder`](tokenflight_core::store::Claim::holder)), if it has claimed
        /// the record yet.
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
    /// Reads what is stored, by one look at the file, and makes nothing. For programs that only want a usable access token.
    ///
    /// # Errors
    ///
    /// [`FileError`]: the record cannot be read, or belongs to another user.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn read(&self, key: &GrantKey) -> Result<Option<Entry>, FileError> {
        let _ = key;
        unimplemented!()
    }

    /// Says what is stored and who may present it. It looks by taking the turn for a moment, if it is free.
    ///
    /// # Errors
    ///
    /// [`FileError`]: the record cannot be read, or belongs to another user.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn status(&self, key: &GrantKey) -> Result<Status, FileError> {
        let _ = key;
        unimplemented!()
    }

    /// Makes a copied or restored record the one that presents from now on. The refresh token counts as one that may have
    /// been presented already.
    ///
    /// Only a person can know that the original is gone. If it is not, both present the same refresh token, and many servers end
    /// the session then.
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
        let _ = key;
        unimplemented!()
    }

    /// Takes the turn away from the process that has it, by putting another file in the place of the lock.
    ///
    /// Only for a process that inherited the turn from the one that took it and lives on, or that hangs for ever. It should be
    /// ended instead wherever that is possible: if it presents after all, two do.
    ///
    /// # Errors
    ///
    /// [`FileError`]: nothing was changed.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn release(&self, key: &GrantKey) -> Result<(), FileError> {
        let _ = key;
        unimplemented!()
    }
}
