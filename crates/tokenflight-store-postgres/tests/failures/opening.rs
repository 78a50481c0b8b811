//! What is looked at when a store is opened.

use tokenflight_store_postgres::SCHEMA;

use crate::prelude::*;
#[cfg(feature = "tracing")]
use crate::recorder;

fn missing(result: Result<PostgresCell, PostgresError>) -> Vec<String> {
    match result {
        Err(PostgresError::Missing { what }) => what.to_vec(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_database_that_is_not_ready_is_refused_in_words() {
    let Some(server) = shared() else { return };
    let open = |table: &'static str| PostgresCell::builder(connections(server)).table(table).open();
    let what = missing(open("absent").await);
    assert!(what.len() == 1 && what[0].contains("`tokenflight postgres schema`"), "{what:?}");

    server.sql("CREATE TABLE other (key text, version uuid, record text)");
    let what = missing(open("other").await);
    for word in
        ["record bytea", "changed timestamp", "GRANT SELECT", "GRANT INSERT", "GRANT UPDATE", "unique", "COLLATE"]
    {
        assert!(what.iter().any(|sentence| sentence.contains(word)), "{word}: {what:?}");
    }

    server.sql(&SCHEMA.replace("tokenflight_grants", "second"));
    server.sql("GRANT SELECT, INSERT ON second TO app");
    assert_eq!(missing(open("second").await), ["GRANT UPDATE ON second to this role"]);
    server.sql("GRANT UPDATE ON second TO app");
    open("second").await.unwrap();
    open("public.second").await.unwrap();

    assert!(matches!(open("no such name").await, Err(PostgresError::Table { .. })));
    server.sql("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0");
    let ascii = server.address(APP).replace("dbname=postgres", "dbname=ascii");
    let what = missing(PostgresCell::open(Connections::new(&ascii).unwrap()).await);
    assert!(what.iter().any(|sentence| sentence.contains("SQL_ASCII")), "{what:?}");
}

#[tokio::test]
async fn a_server_that_acknowledges_too_early_is_told_or_refused() {
    let Some(server) = server(&[]) else { return };
    let durable = || PostgresCell::builder(connections(&server)).require_durable().open();
    let cell = durable().await.unwrap();
    assert!(cell.durability().is_durable() && !cell.durability().is_replicated(), "{}", cell.durability());
    server.sql("ALTER ROLE app SET synchronous_commit = off");
    let error = durable().await.unwrap_err();
    assert!(
        matches!(error, PostgresError::NotDurable { .. }) && error.to_string().contains("synchronous_commit is off")
    );
    assert!(!PostgresCell::open(connections(&server)).await.unwrap().durability().is_durable());
    server.sql("ALTER ROLE app RESET ALL");
    server.set("full_page_writes", "off");
    assert!(matches!(durable().await, Err(PostgresError::NotDurable { .. })));
}

#[cfg(feature = "tracing")]
#[tokio::test]
async fn a_server_that_acknowledges_too_early_is_told_in_one_event() {
    let Some(server) = server(&[]) else { return };
    recorder::listen();
    PostgresCell::open(connections(&server)).await.unwrap();
    assert_eq!(recorder::told(), []);
    server.sql("ALTER ROLE app SET synchronous_commit = off");
    let cell = PostgresCell::open(connections(&server)).await.unwrap();
    let message = ("message", "the token store acknowledges what it may lose".to_owned());
    let found = ("found", cell.durability().to_string());
    assert_eq!(recorder::told(), [(tracing::Level::WARN, vec![message, found])]);
    // Where it is refused, the error says it.
    PostgresCell::builder(connections(&server)).require_durable().open().await.unwrap_err();
    assert_eq!(recorder::told(), []);
}

#[tokio::test]
async fn tokens_do_not_travel_in_the_clear_to_another_machine() {
    // A network for documentation: nothing is sent there.
    let far = Connections::new("postgres://app@192.0.2.1/app").unwrap();
    let error = PostgresCell::open(far).await.unwrap_err();
    assert!(matches!(error, PostgresError::Address { .. }) && error.to_string().contains("sslmode=disable"), "{error}");
}
