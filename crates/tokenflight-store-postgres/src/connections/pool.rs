use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokenflight_core::BoxFuture;
use tokio_postgres::Config;

use super::{
    address,
    live::{Live, unconnected},
};
use crate::{
    PostgresError,
    sql::{Answer, Failure, Kind, Sql, Statement},
};

/// The pause after a connection that could not be made. Nothing can be done before there is one,
/// and a server that starts again is not helped by haste.
const PAUSE: Duration = Duration::from_millis(50);

/// The store's own connections, made when needed: one for each statement under way, four at most.
///
/// Each goes to a server that takes writes: of several hosts in the address, the first that does. A
/// connection that failed in any way is not used again, and no statement is sent twice. They need
/// no task: the task that runs a statement drives its connection.
///
/// ```
/// use tokenflight_store_postgres::Connections;
///
/// let local = Connections::new("postgres://app@/app?host=/run/postgresql")?;
/// // Another machine: with encryption (`native_roots`, `roots`), or said aloud.
/// let far = Connections::new("postgres://app:secret@db1.internal,db2.internal/app?sslmode=disable")?;
/// # Ok::<_, tokenflight_store_postgres::PostgresError>(())
/// ```
pub struct Connections {
    config: Config,
    tls: Tls,
    limit: Duration,
    idle: Mutex<Vec<Live>>,
}

/// How connections are encrypted.
enum Tls {
    Not,
    #[cfg(feature = "rustls")]
    Rustls(super::tls::Connector),
}

impl Connections {
    /// Connections to this address: a URL `postgres://user:password@host/database?…`, or words
    /// `host=… user=…`, as libpq has them. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`PostgresError::Address`]: it cannot be understood, or names no host. The address is not
    /// shown.
    ///
    /// # Panics
    ///
    /// Never.
    pub fn new(address: &str) -> Result<Self, PostgresError> {
        let config = address::config(address)?;
        Ok(Self { config, tls: Tls::Not, limit: Duration::from_secs(8), idle: Mutex::default() })
    }

    /// Encrypts connections, and believes servers whose certificates the system's roots vouch for.
    ///
    /// # Errors
    ///
    /// [`PostgresError::Address`]: the system has no roots, or the address says `sslmode=disable`.
    ///
    /// # Panics
    ///
    /// Never.
    #[cfg(feature = "rustls")]
    pub fn native_roots(self) -> Result<Self, PostgresError> {
        self.encrypted(super::tls::Connector::native()?)
    }

    /// Encrypts connections, and believes servers whose certificates one of these roots vouches
    /// for: certificates as PEM.
    ///
    /// # Errors
    ///
    /// [`PostgresError::Address`]: there is no certificate in it, or the address says
    /// `sslmode=disable`.
    ///
    /// # Panics
    ///
    /// Never.
    #[cfg(feature = "rustls")]
    pub fn roots(self, pem: &[u8]) -> Result<Self, PostgresError> {
        self.encrypted(super::tls::Connector::pem(pem)?)
    }

    #[cfg(feature = "rustls")]
    fn encrypted(mut self, connector: super::tls::Connector) -> Result<Self, PostgresError> {
        use tokio_postgres::config::SslMode;

        if self.config.get_ssl_mode() == SslMode::Disable {
            return Err(PostgresError::address("it says `sslmode=disable`, and roots were given"));
        }
        // Not as the server likes: who sits between could speak for it.
        self.config.ssl_mode(SslMode::Require);
        self.tls = Tls::Rustls(connector);
        Ok(self)
    }

    /// How long a connection may take to be made, and a statement to be answered. 8 s by default:
    /// less than the ten that a session gives its store. A statement that takes longer is unknown,
    /// and its connection is not used again.
    #[must_use]
    pub const fn answer_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    pub(crate) async fn within<T>(&self, work: impl Future<Output = T>) -> Result<T, PostgresError> {
        #[allow(clippy::disallowed_methods)] // A store has no session whose `Time` could be asked.
        let done = tokio::time::timeout(self.limit, work).await;
        done.map_err(|_| PostgresError::Late { limit: self.limit })
    }

    /// A connection that rested, or a new one.
    async fn take(&self) -> Result<Live, Failure> {
        while let Some(mut live) = self.rested() {
            if live.is_alive() {
                return Ok(live);
            }
        }
        let failed = match self.new_one().await {
            Ok(live) => return Ok(live),
            Err(failed) => failed,
        };
        #[allow(clippy::disallowed_methods)] // As above.
        tokio::time::sleep(PAUSE).await;
        Err(failed)
    }

    /// A new connection, for statements that need a session of the server's.
    pub(crate) async fn new_one(&self) -> Result<Live, Failure> {
        let made = self.within(self.connect()).await;
        made.unwrap_or_else(|_| Err(Failure::unsent("it could not be made in time")))
    }

    async fn connect(&self) -> Result<Live, Failure> {
        let connected = match &self.tls {
            Tls::Not if !address::may_be_plain(&self.config) => {
                return Err(Failure::unsent(PostgresError::address(
                    "tokens would travel in the clear: give it roots (feature `rustls`), or say `sslmode=disable`",
                )));
            }
            Tls::Not => Live::connect(&self.config).await,
            #[cfg(feature = "rustls")]
            Tls::Rustls(connector) => Live::connect_with(&self.config, connector.get()).await,
        };
        connected.map_err(|error| unconnected(&error))
    }

    fn rested(&self) -> Option<Live> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn rest(&self, live: Live) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(live);
    }

    fn close_all(&self) {
        let closed = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        drop(closed);
    }
}

impl Sql for Connections {
    fn run<'a>(&'a self, statement: &'a Statement) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            let mut live = self.take().await?;
            let answer = self.within(live.run(statement)).await.map_err(Failure::lost)?;
            match &answer {
                // A primary that was demoted: the other connections lead to it, too.
                Err(Failure(Kind::Server { state, .. })) if state == "25006" => self.close_all(),
                Ok(_) | Err(Failure(Kind::Server { .. })) if live.is_alive() => self.rest(live),
                _ => {}
            }
            answer
        })
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("hosts", &self.config.get_hosts())
            .field("database", &self.config.get_dbname())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
