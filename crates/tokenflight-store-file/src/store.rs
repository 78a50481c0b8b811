use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokenflight_core::{
    BoxFuture,
    store::{GrantKey, Op, Reply, Seen, Store, StoreError},
};

use crate::FileError;

/// A [`Store`] in files, for all processes of one machine. Cloning shares.
///
/// # Files
///
/// A record is one file, of JSON ([`codec`](tokenflight_core::store::codec)), readable by its owner only, and replaced as
/// a whole. Beside it stand two empty files whose kernel locks exclude processes from each other, and which are never
/// deleted: `<record>.lock`, held while a single step reads and replaces the record, and `<record>.turn`, held by the
/// process that presents the refresh token, from before it says so until what came of it is stored. The kernel frees the
/// locks of a process that dies, and of no other.
///
/// They are found where the record lives: links are followed, the folder is canonical. So processes exclude each other
/// whatever path and working directory they come by.
///
/// # Threads
///
/// The first operation starts one thread, which does all the work of the store and ends with its last clone. Any executor
/// will do, or none.
///
/// # Errors
///
/// A [`FileError`] is the source of each [`StoreError`], and says what cures it. Nothing is presented without lock, space
/// and permission; what can be read is served.
///
/// # Cancel safety
///
/// An operation that was begun is done, whether its future is kept or not.
#[derive(Clone)]
pub struct FileStore {
    shared: Arc<Settings>,
}

/// Where the records are, and what is allowed.
#[derive(Clone, Debug)]
struct Settings {
    home: Home,
    network: bool,
}

#[derive(Clone, Debug)]
enum Home {
    /// A folder with a record for each key.
    Dir(PathBuf),
    /// One record.
    File(PathBuf),
}

impl FileStore {
    /// A store that keeps a record for each key in this folder, under a name made of the key.
    ///
    /// The first operation makes the folder, for its owner only, if there is none. It should be on a local disk, and neither
    /// below `/tmp` nor in a cache: `$XDG_STATE_HOME` is a good place, because state is neither cleaned nor synced.
    #[must_use]
    pub fn in_dir(dir: impl AsRef<Path>) -> Self {
        Self::new(Home::Dir(dir.as_ref().to_owned()))
    }

    /// A store whose only record is this file. It serves one key, and refuses a second one.
    #[must_use]
    pub fn at(path: impl AsRef<Path>) -> Self {
        Self::new(Home::File(path.as_ref().to_owned()))
    }

    /// Whether the records may be on a file system that other machines reach, such as NFS or SMB. Not by default: then every
    /// operation that writes is refused there.
    ///
    /// Where it is allowed, processes of several machines exclude each other as well as that file system's locks do, and no
    /// clock is shared: a claim is taken over after it was watched for its whole length.
    #[must_use]
    pub fn network_file_system(self, allowed: bool) -> Self {
        Self { shared: Arc::new(Settings { network: allowed, ..Settings::clone(&self.shared) }) }
    }

    /// The record of this key, whether there is one or not. It is found anew by each call.
    ///
    /// # Errors
    ///
    /// [`FileError`]: the key has no record here.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn path(&self, key: &GrantKey) -> Result<PathBuf, FileError> {
        let _ = key;
        unimplemented!()
    }

    fn new(home: Home) -> Self {
        Self { shared: Arc::new(Settings { home, network: false }) }
    }
}

impl Store for FileStore {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        let _ = key;
        unimplemented!()
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        let _ = (key, op);
        unimplemented!()
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("home", &self.shared.home).finish_non_exhaustive()
    }
}
