use deadpool_postgres::{Object, Pool, PoolError};
use tokenflight_core::{BoxFuture, store::Blob};
use tokenflight_store_postgres::{Answer, Failure, Param, Row, Sql, Statement};
use tokio_postgres::{
    Error,
    types::{ToSql, Type},
};

use crate::LIMIT;

/// A pool of deadpool.
pub struct Deadpool(pub Pool);

impl Sql for Deadpool {
    fn run<'a>(&'a self, statement: &'a Statement) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            let params = statement.params().iter().map(|param| match param {
                Param::Texts(texts) => (Box::new(texts) as Box<dyn ToSql + Send + Sync>, Type::TEXT_ARRAY),
                Param::Bytes(blobs) => {
                    (Box::new(blobs.iter().map(Blob::expose).collect::<Vec<_>>()) as _, Type::BYTEA_ARRAY)
                }
            });
            let params: Vec<_> = params.collect();
            let params: Vec<(&(dyn ToSql + Sync), Type)> =
                params.iter().map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone())).collect();
            let client = match self.0.get().await {
                Ok(client) => client,
                Err(PoolError::Backend(error)) => return Err(failure(error, Failure::unsent)),
                Err(error) => return Err(Failure::unsent(error)),
            };
            match tokio::time::timeout(LIMIT, client.query_typed(statement.text(), &params)).await {
                Ok(Ok(rows)) => Ok(Answer::new(rows.iter().map(|row| Row::new(row.get::<_, String>(0), row.get(1))))),
                Ok(Err(error)) => Err(failure(error, Failure::lost)),
                Err(late) => {
                    // It leaves the pool, and is closed.
                    drop(Object::take(client));
                    Err(Failure::lost(late))
                }
            }
        })
    }
}

/// The server's own words without its detail, or what is known otherwise.
fn failure(error: Error, otherwise: fn(Error) -> Failure) -> Failure {
    match error.as_db_error() {
        Some(said) => Failure::server(said.code().code(), said.message()),
        None => otherwise(error),
    }
}
