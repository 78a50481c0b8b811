//! What the store asks of a connection, or of a pool of them.

use std::fmt;

use tokenflight_core::{BoxError, BoxFuture, store::Blob};

/// A way to have single statements executed by the server: connections of the store's
/// [own](crate::Connections), or a pool of the application's.
///
/// ```
/// use tokenflight_core::{BoxFuture, store::Blob};
/// use tokenflight_store_postgres::{Answer, Failure, Param, Row, Sql, Statement};
///
/// /// Stands for a pool: answers nothing.
/// struct Pool;
///
/// impl Sql for Pool {
///     fn run<'a>(&'a self, statement: &'a Statement) -> BoxFuture<'a, Result<Answer, Failure>> {
///         Box::pin(async move {
///             let texts = |param: &Param| matches!(param, Param::Texts(_));
///             // `text[]` or `bytea[]`, bound as $1, $2, …
///             assert!(statement.params().iter().all(texts));
///             Ok(Answer::new([Row::new("a text", None)]))
///         })
///     }
/// }
/// ```
pub trait Sql: Send + Sync + 'static {
    /// Runs this statement by itself: autocommit, in no transaction with others, sent once.
    ///
    /// It must not give the statement a name at the server (behind a proxy that shares connections
    /// the name is not found again), must go to the primary, and must have a time limit of its own,
    /// after which the connection is closed and not used again. It sends no cancel request: one
    /// that arrives while a commit waits for its standby has the commit acknowledged without it.
    /// The future is polled by a task of the tokio runtime from which the store is used.
    ///
    /// # Errors
    ///
    /// [`Failure`]: what is known of a statement that failed. It is never tried again in here.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, the statement may still be executed. The connection is not used again.
    fn run<'a>(&'a self, statement: &'a Statement) -> BoxFuture<'a, Result<Answer, Failure>>;
}

impl<S: Sql + ?Sized> Sql for std::sync::Arc<S> {
    fn run<'a>(&'a self, statement: &'a Statement) -> BoxFuture<'a, Result<Answer, Failure>> {
        (**self).run(statement)
    }
}

/// A statement and what is bound to it.
#[derive(Clone, Debug)]
pub struct Statement {
    text: std::sync::Arc<str>,
    params: Vec<Param>,
}

/// What is bound to one parameter.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // Every way to run a statement must bind each.
pub enum Param {
    /// A `text[]`.
    Texts(Vec<String>),
    /// A `bytea[]`. It holds secrets.
    Bytes(Vec<Blob>),
}

impl Statement {
    pub(crate) fn new(text: &std::sync::Arc<str>, params: Vec<Param>) -> Self {
        Self { text: std::sync::Arc::clone(text), params }
    }

    /// The statement, with `$1`, `$2`, … for its parameters.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is bound to the parameters, in their order.
    #[must_use]
    pub fn params(&self) -> &[Param] {
        &self.params
    }
}

/// A row of an answer. All statements of the store answer with two columns: a `text`, and a `bytea`
/// that may be null.
#[derive(Clone, Debug)]
pub struct Row {
    pub(crate) text: String,
    pub(crate) bytes: Option<Blob>,
}

impl Row {
    /// A row. The bytes hold secrets.
    pub fn new(text: impl Into<String>, bytes: Option<Vec<u8>>) -> Self {
        Self { text: text.into(), bytes: bytes.map(Blob::new) }
    }
}

/// What a statement answered.
#[derive(Debug)]
pub struct Answer {
    pub(crate) rows: Vec<Row>,
    pub(crate) unreplicated: bool,
}

impl Answer {
    /// These rows.
    pub fn new(rows: impl IntoIterator<Item = Row>) -> Self {
        Self { rows: rows.into_iter().collect(), unreplicated: false }
    }

    /// The same, but the server has warned that it committed without the standby it should have
    /// waited for: a notice of its routine `SyncRepWaitForLSN`. The write then counts as unknown.
    #[must_use]
    pub const fn unreplicated(mut self) -> Self {
        self.unreplicated = true;
        self
    }
}

/// A statement that failed, and what is known of it. [`PostgresError`](crate::PostgresError) has
/// the table of the server's errors.
#[derive(Debug)]
pub struct Failure(pub(crate) Kind);

pub(crate) enum Kind {
    Unsent(BoxError),
    Server { state: String, message: String },
    Lost(BoxError),
}

impl Failure {
    /// Nothing was sent: there was no connection. Put no secret into the source.
    pub fn unsent(source: impl Into<BoxError>) -> Self {
        Self(Kind::Unsent(source.into()))
    }

    /// The server answered with this error: the five characters of its SQLSTATE, and its primary
    /// message. Leave its detail out, which may show what was to be stored.
    pub fn server(state: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Kind::Server { state: state.into(), message: message.into() })
    }

    /// It may have been sent, and there is no answer. Put no secret into the source.
    pub fn lost(source: impl Into<BoxError>) -> Self {
        Self(Kind::Lost(source.into()))
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsent(source) => f.debug_tuple("Unsent").field(source).finish(),
            Self::Server { state, message } => f.debug_tuple("Server").field(state).field(message).finish(),
            Self::Lost(source) => f.debug_tuple("Lost").field(source).finish(),
        }
    }
}
