use std::{sync::Arc, time::Duration};

use tokenflight::{BoxError, time::TokioTime};
use tokenflight_store_postgres::SCHEMA;
use tokenflight_test::{AuthServer, ResourceServer, Served, postgres::Postgres};

use crate::Settings;

/// What stands in for yours: a database, an authorization server that ends the session when a
/// refresh token comes twice, and an API.
#[derive(Debug)]
pub struct Backends {
    /// The authorization server, which judges.
    pub auth: AuthServer,
    database: Postgres,
    token_endpoint: Served,
    api: Served,
}

impl Backends {
    /// Starts them, with access tokens that live for so long. None if this machine has no Postgres.
    ///
    /// # Errors
    ///
    /// There is no port.
    pub fn start(lifetime: Duration) -> Result<Option<Self>, BoxError> {
        let Some(database) = Postgres::start(&[]) else { return Ok(None) };
        // The owner's part: `tokenflight postgres schema | psql`.
        database.sql(SCHEMA);
        database.sql("CREATE ROLE app LOGIN; GRANT SELECT, INSERT, UPDATE ON tokenflight_grants TO app");
        let auth = AuthServer::builder(Arc::new(TokioTime::new())).access_lifetime(lifetime).build();
        let (token_endpoint, api) = (auth.serve()?, ResourceServer::new(auth.clone()).serve()?);
        Ok(Some(Self { auth, database, token_endpoint, api }))
    }

    /// What a replica is told.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let (token_endpoint, api) = (self.token_endpoint.url("/token"), self.api.url(""));
        Settings { database: self.database.address("app"), token_endpoint, api }
    }
}
