//! `cargo run -p tokenflight-example-service` starts everything on loopback, two replicas as
//! processes of their own, and prints where they are; then `curl` either of them. Ctrl-C ends it.

use std::{
    env,
    process::{Command, Stdio},
    time::Duration,
};

use tokenflight::BoxError;
use tokenflight_example_service::{Backends, Settings, replica};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    match env::args().collect::<Vec<_>>().as_slice() {
        [_, word, database, token_endpoint, api] if word == "replica" => {
            let (database, token_endpoint, api) = (database.clone(), token_endpoint.clone(), api.clone());
            serve(&Settings { database, token_endpoint, api }).await
        }
        _ => all().await,
    }
}

/// A replica, until the process ends.
async fn serve(settings: &Settings) -> Result<(), BoxError> {
    let (routes, session, driver) = replica(settings).await?;
    #[allow(clippy::disallowed_methods)] // The program's runtime is the program's to use.
    tokio::spawn(driver);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("a replica, process {}: curl http://{}", std::process::id(), listener.local_addr()?);
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    axum::serve(listener, routes).with_graceful_shutdown(stop).await?;
    // What is not stored yet is stored now.
    Ok(session.shutdown(Duration::from_secs(5)).await?)
}

async fn all() -> Result<(), BoxError> {
    let Some(backends) = Backends::start(Duration::from_secs(20))? else { return Ok(()) };
    let settings = backends.settings();
    // A person logs in once, wherever that is.
    let (_, session, _) = replica(&settings).await?;
    session.login(backends.auth.login()).await?;
    let mut replicas = Vec::new();
    for _ in 0..2 {
        let mut command = Command::new(env::current_exe()?);
        command.args(["replica", &settings.database, &settings.token_endpoint, &settings.api]);
        replicas.push(command.stdin(Stdio::null()).spawn()?);
    }
    tokio::signal::ctrl_c().await?;
    for mut replica in replicas {
        replica.wait()?;
    }
    println!("{}", backends.auth.report());
    Ok(())
}
