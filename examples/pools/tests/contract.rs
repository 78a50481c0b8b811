//! The contract of stores, over each pool and a real server.

use std::{sync::OnceLock, time::Duration};

use tokenflight::time::TokioTime;
use tokenflight_core::store::CellStore;
use tokenflight_example_pools::{Deadpool, Sqlx};
use tokenflight_store_postgres::{PostgresCell, SCHEMA, Sql};
use tokenflight_test::{
    contract::{self, Setting, WaitingClock},
    postgres::Postgres,
};

fn server() -> Option<&'static Postgres> {
    static SERVER: OnceLock<Option<Postgres>> = OnceLock::new();
    let start = || {
        let server = Postgres::start(&[("fsync", "off")])?;
        server.sql("CREATE ROLE app LOGIN");
        server.sql(SCHEMA);
        server.sql("GRANT SELECT, INSERT, UPDATE ON tokenflight_grants TO app");
        Some(server)
    };
    SERVER.get_or_init(start).as_ref()
}

async fn keeps_the_contract(pool: impl Sql, prefix: &str) {
    let cell = PostgresCell::open(pool).await.unwrap();
    let setting = Setting::new().clock(WaitingClock(TokioTime::new())).claim_length(Duration::from_secs(2));
    contract::cell(&cell, &setting.clone().prefix(format!("{prefix}/cell"))).await;
    contract::store(&CellStore::new(cell), &setting.prefix(prefix)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_over_a_pool_of_sqlx_keeps_the_contract() {
    let Some(server) = server() else { return };
    let options = sqlx::postgres::PgPoolOptions::new().max_connections(4);
    let url = format!("postgres://app@127.0.0.1:{}/postgres?sslmode=disable", server.port());
    keeps_the_contract(Sqlx(options.connect(&url).await.unwrap()), "sqlx").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_over_a_pool_of_deadpool_keeps_the_contract() {
    let Some(server) = server() else { return };
    let config: tokio_postgres::Config = server.address("app").parse().unwrap();
    let manager = deadpool_postgres::Manager::new(config, tokio_postgres::NoTls);
    let pool = deadpool_postgres::Pool::builder(manager).max_size(4).build().unwrap();
    keeps_the_contract(Deadpool(pool), "deadpool").await;
}
