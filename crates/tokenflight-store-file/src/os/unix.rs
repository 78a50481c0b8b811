//! Unix: owners, permissions, inodes.

use std::{
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::Path,
    time::UNIX_EPOCH,
};

use rustix::fs::OFlags;

use crate::FileError;

/// What others may write.
const OTHERS_WRITE: u32 = 0o022;

/// Files for their owner only, and no links in the last part of the path.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
}

/// Makes a folder and what is missing above it, for the owner only. Their names are durable.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let missing = folder.ancestors().take_while(|folder| !folder.exists()).count();
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // Also if there is none: a process that made it a moment ago may not have come to this yet.
    let mut above = folder.ancestors().skip(1).take(missing.max(1)).filter(|above| !above.as_os_str().is_empty());
    let durable = above.try_for_each(sync_folder);
    // One whose name is not durable is made again.
    durable.inspect_err(|_| drop(fs::remove_dir(folder)))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Refuses a folder of another user, and one that others may write to.
pub(crate) fn check_folder(folder: &Path, metadata: &Metadata) -> Result<(), FileError> {
    check_owner(folder, metadata)?;
    match metadata.mode() & OTHERS_WRITE {
        0 => Ok(()),
        _ => Err(FileError::Shared { path: folder.to_owned(), mode: metadata.mode() & 0o7777 }),
    }
}

/// Refuses what belongs to another user, also for root: what root replaces belongs to root, and its
/// owner is locked out.
pub(crate) fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    match metadata.uid() == rustix::process::geteuid().as_raw() {
        true => Ok(()),
        false => Err(FileError::OtherUser { path: path.to_owned(), owner: metadata.uid() }),
    }
}

/// Which file this is: its inode, and when that was made, because numbers of inodes are used again.
/// Devices are numbered anew by each boot, and differently in each mount, so they do not count.
pub(crate) fn id(metadata: &Metadata) -> u128 {
    let made = metadata.created().ok().and_then(|made| made.duration_since(UNIX_EPOCH).ok());
    let made = made.map_or(0, |made| made.as_nanos() & u128::from(u64::MAX));
    u128::from(metadata.ino()) << 64 | made
}

/// Whether two looks met the same file.
pub(crate) fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}
