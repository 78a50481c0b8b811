//! Other systems: files are their user's by the permissions of the folder, and are told apart by
//! when they were made.

use std::{
    fs::{self, Metadata, OpenOptions},
    io,
    path::Path,
    time::UNIX_EPOCH,
};

use crate::FileError;

pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

/// The file system's journal has the names.
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

pub(crate) fn check_folder(_: &Path, _: &Metadata) -> Result<(), FileError> {
    Ok(())
}

pub(crate) fn check_owner(_: &Path, _: &Metadata) -> Result<(), FileError> {
    Ok(())
}

pub(crate) fn id(metadata: &Metadata) -> u128 {
    let made = metadata.created().ok().and_then(|made| made.duration_since(UNIX_EPOCH).ok());
    made.map_or(0, |made| made.as_nanos())
}

pub(crate) fn is_same(one: &Metadata, other: &Metadata) -> bool {
    id(one) == id(other)
}
