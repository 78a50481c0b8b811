//! The record: read as a whole, replaced as a whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
};

use tokenflight_core::{
    Secret,
    store::{
        Entry, GrantKey, StoreError,
        codec::{self, DecodeError},
    },
};
use zeroize::Zeroizing;

use crate::{
    FileError, os,
    place::{Place, escape},
};

/// No record is larger.
const LARGEST: u64 = 1024 * 1024;

/// The member that says whose grant it is.
const KEY: &str = "key";

/// Reads the record. No lock is needed: it is replaced as a whole.
pub(crate) fn read(place: &Place, key: &GrantKey) -> Result<Option<Entry>, FileError> {
    let path = &place.record;
    let failed = |source| FileError::io("reading", path, source);
    let mut file = match os::private(OpenOptions::new().read(true)).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return missing(place),
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    os::check_owner(path, &metadata)?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(FileError::NotARecord { path: path.clone() });
    }
    // Of its full size from the beginning: a buffer that grows leaves tokens behind.
    let mut bytes = Zeroizing::new(vec![0; usize::try_from(metadata.len()).unwrap_or_default()]);
    file.read_exact(&mut bytes).map_err(failed)?;
    let mut entry = codec::decode(&bytes).map_err(|error| match error {
        DecodeError::Version(version) => FileError::Newer { path: path.clone(), version },
        source => FileError::Damaged { path: path.clone(), source },
    })?;
    let of_another = entry.extra.iter().any(|(name, value)| name == KEY && *value != written(key));
    if of_another {
        return Err(FileError::OtherKey { path: path.clone() });
    }
    entry.extra.retain(|(name, _)| name != KEY);
    Ok(Some(entry))
}

/// No record is as good as no login, but no folder is not.
fn missing(place: &Place) -> Result<Option<Entry>, FileError> {
    match fs::metadata(&place.folder) {
        Ok(_) => Ok(None),
        Err(_) => Err(FileError::Gone { path: place.folder.clone() }),
    }
}

/// A write that failed.
pub(crate) struct NotWritten {
    pub(crate) error: FileError,
    /// Whether the record may have been replaced all the same.
    pub(crate) unknown: bool,
}

impl NotWritten {
    pub(crate) fn computed_on(self, entry: Option<Entry>) -> StoreError {
        match self.unknown {
            true => StoreError::unknown(self.error).computed_on(entry),
            false => self.error.into(),
        }
    }
}

impl From<FileError> for NotWritten {
    fn from(error: FileError) -> Self {
        Self { error, unknown: false }
    }
}

/// Replaces the record and returns the entry as it will be read. The caller has the lock of a step.
///
/// The new record is durable before it has the name, and the name is durable before this returns.
pub(crate) fn replace(place: &Place, key: &GrantKey, mut entry: Entry) -> Result<Entry, NotWritten> {
    let extra = entry.extra.len();
    entry.extra.push((KEY.to_owned(), written(key)));
    let bytes = codec::encode(&entry);
    entry.extra.truncate(extra);
    let draft = draft(place).and_then(|mut file| {
        // A draft whose sync has failed is never synced again: the system may have thrown away what
        // it could not write.
        file.write_all(bytes.expose())?;
        file.sync_all()
    });
    let draft = draft.map_err(|source| FileError::io("writing", &place.draft, source).into());
    if let Err(error) = draft.and_then(|()| rename(place)) {
        let _ = fs::remove_file(&place.draft);
        return Err(error);
    }
    sync(place)?;
    // Times are kept in milliseconds.
    let stored = codec::decode(bytes.expose());
    let mut stored = stored.map_err(|source| FileError::Damaged { path: place.record.clone(), source })?;
    stored.extra.retain(|(name, _)| name != KEY);
    Ok(stored)
}

fn rename(place: &Place) -> Result<(), NotWritten> {
    fs::rename(&place.draft, &place.record).map_err(|source| match source.kind() {
        io::ErrorKind::ResourceBusy => FileError::Mounted { path: place.record.clone() }.into(),
        kind => {
            let unknown = !NOT_RENAMED.contains(&kind);
            NotWritten { error: FileError::io("replacing", &place.record, source), unknown }
        }
    })
}

/// Failures that come before the name is changed.
const NOT_RENAMED: &[io::ErrorKind] = &[
    io::ErrorKind::NotFound,
    io::ErrorKind::PermissionDenied,
    io::ErrorKind::QuotaExceeded,
    io::ErrorKind::ReadOnlyFilesystem,
    io::ErrorKind::StorageFull,
];

/// Makes the last replacement durable.
pub(crate) fn sync(place: &Place) -> Result<(), NotWritten> {
    os::sync_folder(&place.folder).map_err(|source| NotWritten {
        error: FileError::io("syncing the folder", &place.folder, source),
        unknown: true,
    })
}

/// Keeps a damaged record beside the one that will replace it.
pub(crate) fn keep_bad(place: &Place) -> Result<(), FileError> {
    let _ = fs::remove_file(&place.bad);
    let kept = fs::hard_link(&place.record, &place.bad).or_else(|_| fs::copy(&place.record, &place.bad).map(drop));
    kept.map_err(|source| FileError::io("keeping the damaged record as", &place.bad, source))
}

/// A new file for the owner only. One that is there already is a dead writer's.
fn draft(place: &Place) -> io::Result<File> {
    let open = || os::private(OpenOptions::new().write(true).create_new(true)).open(&place.draft);
    match open() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(&place.draft)?;
            open()
        }
        opened => opened,
    }
}

/// The key as it stands in the record: of characters that JSON needs not escape.
fn written(key: &GrantKey) -> Secret {
    Secret::new(format!("\"{}\"", escape(key)))
}
