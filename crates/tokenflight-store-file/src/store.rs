use std::{
    fmt,
    path::{Path, PathBuf},
    process,
    sync::{Arc, Mutex, PoisonError, mpsc::Sender},
};

use tokenflight_core::{
    BoxFuture,
    store::{GrantKey, Op, Owner, Reply, Seen, Store, StoreError},
};

use crate::{
    FileError,
    answer::{Responder, answer},
    place::Place,
    settings::{Home, Settings},
    thread::{Message, claims, start},
};

/// A [`Store`] in files, for all processes of one machine. Cloning shares.
///
/// # Files
///
/// A record is one file, of JSON ([`codec`](tokenflight_core::store::codec)), readable by its owner
/// only, and replaced as a whole. Beside it stand two empty files whose kernel locks exclude
/// processes from each other, and which are never deleted: `<record>.lock`, held while a single
/// step reads and replaces the record, and `<record>.turn`, held by the process that presents the
/// refresh token, from before it says so until what came of it is stored. The kernel frees the
/// locks of a process that dies, and of no other.
///
/// They are found where the record lives: links are followed, the folder is canonical. So processes
/// exclude each other whatever path and working directory they come by.
///
/// # Threads
///
/// The first operation starts one thread, which does all the work of the store and ends with its
/// last clone. Any executor will do, or none.
///
/// # Errors
///
/// A [`FileError`] is the source of each [`StoreError`], and says what helps. Nothing is
/// presented without lock, space and permission; what can be read is served.
///
/// # Panics
///
/// Never.
///
/// # Cancel safety
///
/// An operation that was begun is done, whether its future is kept or not. A claim whose future was
/// dropped leaves the turn free.
///
/// ```
/// use tokenflight::{Session, TokenRequest, TokenSet, GrantKey, grant_fn};
/// use tokenflight_store_file::FileStore;
///
/// # let folder = std::env::temp_dir().join(format!("tokenflight-doc-store-{}", std::process::id()));
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let session = || {
///     // Stands for the token endpoint.
///     let grant = grant_fn(|_: TokenRequest| async { Ok(TokenSet::new("next").refresh_token("next")) });
///     Session::builder(grant).key(GrantKey::new("alice")).store(FileStore::in_dir(&folder)).build()
/// };
/// session()?.login(TokenSet::new("access").refresh_token("refresh")).await?;
/// // In another process, another day:
/// assert_eq!(session()?.token().await?.access().expose(), "access");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # })?;
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct FileStore {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Arc<Settings>,
    /// The way to the thread, and the process that has it: a forked process has none.
    thread: Mutex<Option<(u32, Sender<Message>)>>,
}

impl FileStore {
    /// A store that keeps a record for each key in this folder, under a name made of the key.
    ///
    /// The first operation makes the folder, for its owner only, if there is none. It should be on
    /// a local disk, and neither below `/tmp` nor in a cache: `$XDG_STATE_HOME` is a good place,
    /// because state is neither cleaned nor synced.
    #[must_use]
    pub fn in_dir(dir: impl AsRef<Path>) -> Self {
        Self::with(Settings { home: Home::dir(dir.as_ref()), network: false })
    }

    /// A store whose only record is this file. It serves one key, and refuses a second one.
    #[must_use]
    pub fn at(path: impl AsRef<Path>) -> Self {
        Self::with(Settings { home: Home::file(path.as_ref()), network: false })
    }

    /// Whether the records may be on a file system that other machines reach, such as NFS or SMB.
    /// Not by default: then every operation that writes is refused there.
    ///
    /// Where it is allowed, processes of several machines exclude each other as well as that file
    /// system's locks do, and no clock is shared: a claim is taken over after it was watched for
    /// its whole length.
    #[must_use]
    pub fn network_file_system(self, allowed: bool) -> Self {
        let home = self.settings().home.clone();
        Self::with(Settings { home, network: allowed })
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
        let path = self.settings().path(key)?;
        Ok(Place::find(&path)?.map_or(path, |place| place.record))
    }

    fn with(settings: Settings) -> Self {
        Self { shared: Arc::new(Shared { settings: Arc::new(settings), thread: Mutex::new(None) }) }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }
}

impl Store for FileStore {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        Box::pin(self.shared.ask(|responder| Message::Load { key: key.clone(), responder }))
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        Box::pin(async move {
            let abandon = claims(&op).map(|owner| Abandon { shared: &self.shared, key, owner });
            let op = Box::new(op);
            let reply = self.shared.ask(|responder| Message::Apply { key: key.clone(), op, responder }).await;
            // The answer has arrived: from here on the turn is the session's to give back.
            std::mem::forget(abandon);
            reply
        })
    }
}

impl Shared {
    /// Asks the thread, which is started if there is none.
    async fn ask<T>(&self, message: impl FnOnce(Responder<Result<T, StoreError>>) -> Message) -> Result<T, StoreError> {
        let (responder, answer) = answer();
        self.send(message(responder))?;
        answer.wait().await.unwrap_or_else(|| Err(StoreError::unknown("the thread of the store has ended")))
    }

    fn send(&self, message: Message) -> Result<(), StoreError> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let process = process::id();
        let message = match thread.as_ref().filter(|(started, _)| *started == process) {
            Some((_, sender)) => match sender.send(message) {
                Ok(()) => return Ok(()),
                Err(unsent) => unsent.0,
            },
            None => message,
        };
        let started = start(Arc::clone(&self.settings)).map_err(StoreError::not_done)?;
        let sent = started.send(message);
        *thread = Some((process, started));
        sent.map_err(|_| StoreError::not_done("the thread of the store has ended"))
    }
}

/// Tells the thread that a claim which may have been granted has no holder.
struct Abandon<'a> {
    shared: &'a Shared,
    key: &'a GrantKey,
    owner: Owner,
}

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        let _ = self.shared.send(Message::Abandon { key: self.key.clone(), owner: self.owner });
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("settings", &self.settings()).finish_non_exhaustive()
    }
}
