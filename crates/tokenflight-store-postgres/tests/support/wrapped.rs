//! Connections that are counted, and fail when they are told to.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use tokenflight_core::BoxFuture;
use tokenflight_store_postgres::{Answer, Connections, Failure, Param, Sql, Statement};

/// Counts statements, and has writes fail before they are sent.
pub(crate) struct Wrapped {
    inner: Connections,
    pub(crate) loads: AtomicUsize,
    /// The keys that they asked for.
    pub(crate) keys: AtomicUsize,
    pub(crate) swaps: AtomicUsize,
    /// Errors of the server for the next writes.
    pub(crate) errors: Mutex<Vec<&'static str>>,
}

impl Wrapped {
    pub(crate) fn new(inner: Connections) -> Self {
        Self {
            inner,
            loads: AtomicUsize::new(0),
            keys: AtomicUsize::new(0),
            swaps: AtomicUsize::new(0),
            errors: Mutex::default(),
        }
    }
}

impl Sql for Wrapped {
    fn run<'a>(&'a self, statement: &'a Statement) -> BoxFuture<'a, Result<Answer, Failure>> {
        let writes = statement.text().contains("INSERT INTO") || statement.text().contains("UPDATE tokenflight");
        let counted = if writes { &self.swaps } else { &self.loads };
        counted.fetch_add(1, Relaxed);
        if let (false, Some(Param::Texts(keys))) = (writes, statement.params().first()) {
            self.keys.fetch_add(keys.len(), Relaxed);
        }
        let error = if writes { self.errors.lock().unwrap().pop() } else { None };
        Box::pin(async move {
            if let Some(state) = error {
                return Err(Failure::server(state, "scripted"));
            }
            self.inner.run(statement).await
        })
    }
}
