//! What can be wrong with files, and what cures it.

use std::{
    error::Error as StdError,
    fmt, io,
    iter::successors,
    path::{Path, PathBuf},
    time::Duration,
};

use tokenflight_core::store::{StoreError, codec::DecodeError};

/// Why a [`FileStore`](crate::FileStore) cannot do what it was asked, in words that name the cure.
///
/// It is the source of the [`StoreError`], and so of the error that a session hands to its callers:
/// [`FileError::find`] finds it there. It never shows anything of the record.
///
/// ```
/// use tokenflight_store_file::FileError;
///
/// fn advice(error: &(dyn std::error::Error + 'static)) -> Option<String> {
///     FileError::find(error).map(ToString::to_string)
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum FileError {
    /// A system call failed: the disk is full, the file system read-only, a permission missing.
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The record cannot be read. A login replaces it and keeps it beside the new one, with `.bad`
    /// at the end of its name.
    Damaged {
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// The record is of a later version of the format. It was neither read nor written, and a login
    /// does not replace it.
    Newer {
        /// The record.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
    /// The record is not a file, or larger than a record can be.
    NotARecord {
        /// What is there instead.
        path: PathBuf,
    },
    /// The record holds the grant of another key.
    OtherKey {
        /// The record.
        path: PathBuf,
    },
    /// A store [`at`](crate::FileStore::at) one path was used with a second key.
    SecondKey {
        /// The record.
        path: PathBuf,
    },
    /// The key is too long for the name of a file.
    KeyTooLong {
        /// The folder.
        path: PathBuf,
    },
    /// The file or folder belongs to another user.
    OtherUser {
        /// Which.
        path: PathBuf,
        /// The number of its owner.
        owner: u32,
    },
    /// Other users may write to the folder.
    Shared {
        /// The folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The folder is on a file system that other machines reach, where the locks of this one
    /// exclude no other process.
    Network {
        /// The folder.
        path: PathBuf,
        /// The type of the file system.
        kind: String,
    },
    /// Locks have no effect on this file system.
    NoLocks {
        /// The lock file.
        path: PathBuf,
    },
    /// The record is a mount point of its own, so that it cannot be replaced.
    Mounted {
        /// The record.
        path: PathBuf,
    },
    /// The record was copied or restored from elsewhere. Its access token is served, but its
    /// refresh token is not presented: the original may present it.
    Copied {
        /// The record.
        path: PathBuf,
    },
    /// Another process held the lock of a single step for so long; it is stopped or its disk hangs.
    Held {
        /// The lock file.
        path: PathBuf,
        /// For how long it was waited for.
        waited: Duration,
    },
    /// The folder was removed while the store was in use. It is not made again.
    Gone {
        /// The folder.
        path: PathBuf,
    },
}

impl FileError {
    /// Finds it among the sources of another error.
    #[must_use]
    pub fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
    }

    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { doing, path: path.to_owned(), source }
    }

    /// Whether trying again helps only after something was repaired.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        !matches!(self, Self::Io { .. } | Self::Held { .. } | Self::Gone { .. })
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, source } => write!(f, "{doing} {} failed{}", path.display(), cure(source)),
            Self::Damaged { path, .. } => write!(
                f,
                "{} is damaged: repair it, or log in, which keeps it under the same name with `.bad` at its end",
                path.display()
            ),
            Self::Newer { path, version } => write!(
                f,
                "{} has version {version} of the format, written by a later version of the program: use that one",
                path.display()
            ),
            Self::NotARecord { path } => {
                write!(f, "{} is not a record: it is no file, or too large; move it away", path.display())
            }
            Self::OtherKey { path } => {
                write!(f, "{} holds the grant of another key: give each key a file of its own", path.display())
            }
            Self::SecondKey { path } => {
                write!(f, "{} serves one key and was asked for a second: keep several keys in a folder", path.display())
            }
            Self::KeyTooLong { path } => {
                write!(f, "the key is too long for the name of a file in {}: use a shorter one", path.display())
            }
            Self::OtherUser { path, owner } => write!(
                f,
                "{} belongs to user {owner}: run as that user, or keep the record in a folder of your own",
                path.display()
            ),
            Self::Shared { path, mode } => write!(
                f,
                "others may write to the folder {} (mode {mode:o}): make it your own with `chmod 700`",
                path.display()
            ),
            Self::Network { path, kind } => write!(
                f,
                "{} is on a file system ({kind}) that other machines may reach, where locks do not exclude them: \
                 keep the record on a local one",
                path.display()
            ),
            Self::NoLocks { path } => write!(
                f,
                "locks have no effect on the file system of {}: keep the record on another one",
                path.display()
            ),
            Self::Mounted { path } => write!(
                f,
                "{} is mounted by itself and cannot be replaced: mount the folder that holds it",
                path.display()
            ),
            Self::Copied { path } => write!(
                f,
                "{} is a copy: its refresh token is not presented, because the original may present it; log in, or \
                 adopt the copy if the original is gone",
                path.display()
            ),
            Self::Held { path, waited } => {
                write!(f, "another process has held {} for {} s: resume it or end it", path.display(), waited.as_secs())
            }
            Self::Gone { path } => {
                write!(f, "the folder {} was removed while it was in use: make it again, or restart", path.display())
            }
        }
    }
}

/// What a person can do about an error of the system, where that is plain.
fn cure(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ": make room there",
        io::ErrorKind::ReadOnlyFilesystem => ": keep the record where it can be written",
        io::ErrorKind::PermissionDenied => ": give this user the right to read and write it",
        _ => "",
    }
}

impl StdError for FileError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Damaged { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// What is known of an operation that failed so before anything was replaced.
impl From<FileError> for StoreError {
    fn from(error: FileError) -> Self {
        match error.is_permanent() {
            true => Self::refused(error),
            false => Self::not_done(error),
        }
    }
}
