//! One connection, as plainly as it can be had: no store's own.

use tokenflight_core::{BoxFuture, store::Blob};
use tokenflight_store_postgres::{Answer, Failure, Param, Row, Sql, Statement};
use tokio_postgres::{
    Client, NoTls,
    types::{ToSql, Type},
};

pub(crate) struct Plain(Client);

impl Plain {
    pub(crate) async fn connect(address: &str) -> Self {
        let (client, connection) = tokio_postgres::connect(address, NoTls).await.unwrap();
        #[allow(clippy::disallowed_methods)] // The test's runtime ends it.
        tokio::spawn(connection);
        Self(client)
    }
}

impl Sql for Plain {
    fn run<'a>(&'a self, statement: &'a Statement) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            let bytes = |blobs: &'a [Blob]| blobs.iter().map(Blob::expose).collect::<Vec<_>>();
            let params = statement.params().iter().map(|param| match param {
                Param::Texts(texts) => (Box::new(texts) as Box<dyn ToSql + Sync + Send>, Type::TEXT_ARRAY),
                Param::Bytes(blobs) => (Box::new(bytes(blobs)) as _, Type::BYTEA_ARRAY),
            });
            let params: Vec<_> = params.collect();
            let params: Vec<(&(dyn ToSql + Sync), Type)> =
                params.iter().map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone())).collect();
            let rows =
                self.0.query_typed(statement.text(), &params).await.map_err(|error| match error.as_db_error() {
                    Some(said) => Failure::server(said.code().code(), said.message()),
                    None => Failure::lost("the connection ended"),
                })?;
            Ok(Answer::new(rows.iter().map(|row| Row::new(row.get::<_, String>(0), row.get(1)))))
        })
    }
}
