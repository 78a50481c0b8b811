//! A child process: it reads what it is to do, does it, and ends with its parent at the latest.

use std::{
    io::{BufRead, ErrorKind},
    thread,
};

use super::{agent::Agent, contestants, prelude::*};

/// This variable of the environment is set in child processes.
pub const CHILD: &str = "TOKENFLIGHT_RACE_CHILD";

/// Does what the first line of standard input says.
///
/// # Errors
///
/// When that cannot be read, or a login not be stored.
pub fn child() -> Result<(), BoxError> {
    signal::end_with_parent()?;
    let mut first = String::new();
    io::stdin().lock().read_line(&mut first)?;
    let spec: Spec = serde_json::from_str(&first)?;
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    // A thread of its own: some contestants block theirs.
    thread::Builder::new().name("parent".to_owned()).spawn(move || watch_parent(&told))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(play(spec, &stop))
}

async fn play(spec: Spec, stop: &AtomicBool) -> Result<(), BoxError> {
    let opened = contestants::open(&spec)?;
    match spec.part {
        Part::Login { access, refresh, lifetime } => {
            let lifetime = Duration::try_from_secs_f64(lifetime).unwrap_or_default();
            opened.program.login(TokenSet::new(access).refresh_token(refresh).expires_in(lifetime)).await
        }
        Part::Work => {
            Agent::new(&spec, opened)?.work(stop).await;
            Ok(())
        }
    }
}

/// Ends this process when its parent is gone, whatever other threads do: the pipe is closed then.
fn watch_parent(stop: &AtomicBool) {
    let mut line = String::new();
    loop {
        line.clear();
        match io::stdin().lock().read_line(&mut line) {
            Ok(0) => process::exit(0),
            Ok(_) if line.trim() == STOP => stop.store(true, Ordering::Relaxed),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => process::exit(0),
        }
    }
}
