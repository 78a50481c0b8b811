//! Kernel locks of files, which die with their process and with nothing else.

use std::{
    fs::{self, File, Metadata, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
    process,
};

use crate::{FileError, os};

/// How often a lock file that was replaced while it was being locked is opened again.
const TRIES: usize = 8;

/// A lock file that this process has locked. Dropping it unlocks.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
    /// Which file it is.
    pub(crate) id: u128,
    process: u32,
}

impl Lock {
    /// Locks the file, and makes it if there is none. `None`: another process has it locked, or
    /// another part of this one.
    ///
    /// A thread that waits within the kernel could not be called back, and would go on after its
    /// caller was told that it had failed. So there is no waiting here.
    pub(crate) fn acquire(path: &Path) -> Result<Option<Self>, FileError> {
        for _ in 0..TRIES {
            let file = open(path).map_err(|source| FileError::io("opening the lock file", path, source))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    return Err(FileError::NoLocks { path: path.to_owned() });
                }
                Err(TryLockError::Error(source)) => return Err(FileError::io("locking", path, source)),
            }
            let metadata = file.metadata().map_err(|source| FileError::io("looking at", path, source))?;
            os::check_owner(path, &metadata)?;
            let lock = Self { file, path: path.to_owned(), id: os::id(&metadata), process: process::id() };
            // Replaced since it was opened: others lock another file.
            if lock.excludes_at(path)? {
                return Ok(Some(lock));
            }
        }
        Err(FileError::io("locking", path, io::Error::other("the file is replaced again and again")))
    }

    /// Whether the locked file is the one at this path still, so that it excludes others.
    pub(crate) fn excludes_at(&self, path: &Path) -> Result<bool, FileError> {
        let Some(there) = look(path)? else { return Ok(false) };
        let ours = self.file.metadata().map_err(|source| FileError::io("looking at", path, source))?;
        Ok(os::is_same(&there, &ours))
    }

    /// Refuses a file system on which locks do not exclude.
    pub(crate) fn prove(&self) -> Result<(), FileError> {
        match Self::acquire(&self.path)?.filter(|other| other.id == self.id) {
            None => Ok(()),
            Some(_) => Err(FileError::NoLocks { path: self.path.clone() }),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A process that was forked from this one has the lock, too, until it closes the file. So
        // the process that locked unlocks; and a forked one must not unlock for its parent.
        if self.process == process::id() {
            let _ = self.file.unlock();
        }
    }
}

/// Which file is at this path, as [`Lock::id`] names it; `None` if there is none.
pub(crate) fn id_at(path: &Path) -> Result<Option<u128>, FileError> {
    Ok(look(path)?.map(|metadata| os::id(&metadata)))
}

/// `None` if there is nothing. A look that fails is no proof of that.
fn look(path: &Path) -> Result<Option<Metadata>, FileError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError::io("looking at", path, source)),
    }
}

/// Makes the file if there is none.
pub(crate) fn make(path: &Path) -> io::Result<()> {
    open(path).map(drop)
}

/// For reading and writing: some file systems lock for one only what was opened for writing.
fn open(path: &Path) -> io::Result<File> {
    os::private(OpenOptions::new().read(true).write(true).create(true).truncate(false)).open(path)
}
