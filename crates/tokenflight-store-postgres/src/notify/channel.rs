//! The connection that notices go out and come in by.

use std::{
    collections::BTreeSet,
    future::poll_fn,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::Poll,
    time::Duration,
};

use tokio::{runtime::Handle, sync::Notify, task::JoinHandle};

use super::heard::{Heard, Name};
use crate::{
    Connections,
    connections::Live,
    sql::{Param, Statement},
};

/// What is written within this time is told in one statement.
const TOGETHER: Duration = Duration::from_millis(10);

/// The pause before a connection is made again.
const PAUSE: Duration = Duration::from_secs(1);

/// The server takes notices of less than 8000 bytes.
const MOST: usize = 7999;

/// Cloning shares. The last clone takes the task with it.
#[derive(Clone)]
pub(super) struct Channel(Arc<Shared>);

struct Shared {
    connections: Arc<Connections>,
    listen: Statement,
    notify: Arc<str>,
    heard: Heard,
    /// What is to be told.
    written: Mutex<BTreeSet<Name>>,
    writes: Arc<Notify>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Channel {
    /// The channel of this table.
    pub(super) fn new(table: &str, connections: Connections) -> Self {
        // A name of the server's has 63 bytes at most; the table's has no others than ASCII.
        let table = table.get(table.len().saturating_sub(63)..).unwrap_or(table);
        let listen = Statement::new(&format!("LISTEN \"{table}\"").into(), Vec::new());
        let notify = format!(
            "SELECT ''::text, NULL::bytea FROM unnest($1::text[]) AS payload, LATERAL pg_notify('{table}', payload)"
        );
        Self(Arc::new(Shared {
            connections: Arc::new(connections),
            listen,
            notify: notify.into(),
            heard: Heard::default(),
            written: Mutex::default(),
            writes: Arc::default(),
            task: Mutex::default(),
        }))
    }

    /// This was written.
    pub(super) fn tell(&self, name: Name) {
        lock(&self.0.written).insert(name);
        self.0.writes.notify_one();
        self.start();
    }

    /// Completes when this was written, by whichever host.
    pub(super) async fn changed(&self, name: Name) {
        self.start();
        self.0.heard.of(name).await;
    }

    /// Has a task drive the connection, if none does: the runtime of the last one may have ended.
    fn start(&self) {
        let mut task = lock(&self.0.task);
        if task.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let (shared, writes) = (Arc::downgrade(&self.0), Arc::clone(&self.0.writes));
        *task = Some(runtime.spawn(drive(shared, writes)));
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(task) = lock(&self.task).take() {
            task.abort();
        }
    }
}

/// Makes the connection, listens and tells, again and again.
async fn drive(shared: Weak<Shared>, writes: Arc<Notify>) {
    loop {
        let Some(mut live) = connect(&shared).await else { return };
        if let Some(live) = &mut live {
            while serve(&shared, &writes, live).await {}
        }
        pause(PAUSE).await;
    }
}

/// A connection that listens; `None` within if there is none now, and without if no cell is left.
async fn connect(shared: &Weak<Shared>) -> Option<Option<Live>> {
    let (connections, listen) = {
        let shared = shared.upgrade()?;
        // What could not be told in time is not told any more.
        lock(&shared.written).clear();
        (Arc::clone(&shared.connections), shared.listen.clone())
    };
    let Ok(mut live) = connections.new_one().await else { return Some(None) };
    let listens = connections.within(live.run(&listen)).await;
    Some(listens.is_ok_and(|answer| answer.is_ok()).then_some(live))
}

/// Waits for a notice or a write, passes on both, and says whether the connection is still there.
async fn serve(shared: &Weak<Shared>, writes: &Notify, live: &mut Live) -> bool {
    let Some(mut payloads) = next(live, writes).await else { return false };
    let Some(shared) = shared.upgrade() else { return false };
    let names: Vec<_> = std::mem::take(&mut *lock(&shared.written)).into_iter().collect();
    let alive = names.is_empty() || {
        let told = Statement::new(&shared.notify, vec![Param::Texts(Name::payloads(&names, MOST))]);
        shared.connections.within(live.run(&told)).await.is_ok_and(|answer| answer.is_ok())
    };
    payloads.append(&mut live.take_heard());
    payloads.iter().flat_map(|payload| Name::parse(payload)).for_each(|name| shared.heard.tell(name));
    alive
}

/// What was heard, perhaps nothing, as soon as there is something to hear or to tell; `None` if the
/// connection has ended.
async fn next(live: &mut Live, writes: &Notify) -> Option<Vec<String>> {
    let heard = {
        let (mut heard, mut written) = (pin!(live.heard()), pin!(writes.notified()));
        poll_fn(|cx| match heard.as_mut().poll(cx) {
            Poll::Ready(heard) => Poll::Ready(Some(heard)),
            Poll::Pending => written.as_mut().poll(cx).map(|()| None),
        })
        .await
    };
    if heard.is_none() {
        pause(TOGETHER).await;
    }
    heard.unwrap_or_else(|| Some(Vec::new()))
}

async fn pause(length: Duration) {
    #[allow(clippy::disallowed_methods)] // A store has no session whose `Time` could be asked.
    tokio::time::sleep(length).await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
