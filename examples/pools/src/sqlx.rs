use sqlx::{Error, PgPool, Row as _};
use tokenflight_core::BoxFuture;
use tokenflight_store_postgres::{Answer, Failure, Param, Row, Sql, Statement};

use crate::LIMIT;

/// A pool of sqlx.
///
/// sqlx prepares a statement in one round trip and runs it in another, so this one does not go
/// through a proxy that shares connections by transaction.
pub struct Sqlx(pub PgPool);

impl Sql for Sqlx {
    fn run<'a>(&'a self, statement: &'a Statement) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            let mut query = sqlx::query(statement.text()).persistent(false);
            for param in statement.params() {
                query = match param {
                    Param::Texts(texts) => query.bind(texts.as_slice()),
                    Param::Bytes(blobs) => {
                        query.bind(blobs.iter().map(|blob| blob.expose().to_vec()).collect::<Vec<_>>())
                    }
                };
            }
            let mut connection = self.0.acquire().await.map_err(|error| failure(error, Failure::unsent))?;
            match tokio::time::timeout(LIMIT, query.fetch_all(&mut *connection)).await {
                Ok(Ok(rows)) => Ok(Answer::new(rows.iter().map(|row| Row::new(row.get::<String, _>(0), row.get(1))))),
                Ok(Err(error @ Error::Database(_))) => Err(failure(error, Failure::lost)),
                Ok(Err(error)) => {
                    drop(connection.detach());
                    Err(failure(error, Failure::lost))
                }
                Err(late) => {
                    drop(connection.detach());
                    Err(Failure::lost(late))
                }
            }
        })
    }
}

/// The server's own words without its detail, or what is known otherwise.
fn failure(error: Error, otherwise: fn(Error) -> Failure) -> Failure {
    match &error {
        Error::Database(said) => Failure::server(said.code().unwrap_or_default(), said.message()),
        _ => otherwise(error),
    }
}
