//! The process that refreshes. It has a session of its own, so that neither the end of the command
//! that started it nor of that command's terminal costs an answer.

use std::{
    fs::{File, TryLockError},
    io::Write,
    path::PathBuf,
    process::{Child, Command, ExitCode, Stdio, id},
    sync::Arc,
    time::Duration,
};

use tokenflight::{Error, Grant, Session, SessionBuilder};

use super::{Kept, Stored, report, report::Report, stored::look};
use crate::{clock, config::Profile, private, problem::Problem, process, server};

/// The hidden command.
pub(crate) const COMMAND: &str = "refresh";

/// How long a refresher waits for its lock, which others touch for a moment to see if it is held.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long the store has to take what a refresh brought.
const STORING: Duration = Duration::from_secs(60);

/// Starts one, for the token set that is to be replaced.
pub(super) fn start(profile: &Profile, seen: &Stored) -> Result<Child, Problem> {
    // This very program, also when another version has taken its place meanwhile.
    let own = if cfg!(target_os = "linux") { "/proc/self/exe" } else { "tokenflight" };
    let program = std::env::current_exe().ok().filter(|program| program.exists()).unwrap_or_else(|| own.into());
    let (epoch, rotation) = seen.order;
    let mut command = Command::new(program);
    command.args([COMMAND, "--profile", &profile.name, "--seen", &format!("{epoch}.{rotation}"), "--config"]);
    command.arg(profile.config()).stdin(Stdio::null()).stdout(Stdio::null());
    // For what goes wrong before a report can exist. Without a reader it is lost, and nothing else.
    command.stderr(Stdio::piped());
    process::detach(&mut command);
    let started = command.spawn();
    started.map_err(|error| Problem::io("starting a refresh", &error))
}

/// Whether one is at work, and how it calls itself.
pub(crate) fn at_work(profile: &Profile) -> Option<String> {
    let lock = private::open_lock(&lock_file(profile)).ok()?;
    // Where locks have no effect the store says so.
    if !matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        return None;
    }
    let words = private::read(&lock_file(profile)).ok().flatten();
    let words = words.and_then(|words| String::from_utf8(words.to_vec()).ok()).unwrap_or_default();
    Some(words.trim().to_owned())
}

fn lock_file(profile: &Profile) -> PathBuf {
    profile.file("refresher")
}

/// The lock of the one refresher of a profile; `None` if there is another. It saves work: that only
/// one process presents is the store's to see to.
fn lock(profile: &Profile) -> Result<Option<File>, Problem> {
    let failed = |error| Problem::io("locking the refresh", &error);
    private::make_folder(profile.folder()).map_err(failed)?;
    let mut lock = private::open_lock(&lock_file(profile)).map_err(failed)?;
    let end = clock::boot().saturating_add(PATIENCE);
    while let Err(TryLockError::WouldBlock) = lock.try_lock() {
        if clock::boot() >= end {
            // A command that is stopped while it looks is no refresher.
            match lock.try_lock_shared() {
                Err(TryLockError::WouldBlock) => return Ok(None),
                _ => break,
            }
        }
        clock::pause(Duration::from_millis(2));
    }
    // For people only.
    let _ = lock.set_len(0).and_then(|()| write!(lock, "process {}", id()));
    Ok(Some(lock))
}

/// The hidden command: refreshes unless another process does, or has.
pub(crate) fn run(profile: &Profile, seen: &str) -> Result<ExitCode, Problem> {
    let order = seen.split_once('.').and_then(|(epoch, rotation)| Some((epoch.parse().ok()?, rotation.parse().ok()?)));
    let order = order.ok_or_else(|| Problem::usage("--seen: two numbers with a dot between them"))?;
    refresh(profile, order)?;
    Ok(ExitCode::SUCCESS)
}

/// Refreshes the token set of this order, and reports.
pub(super) fn refresh(profile: &Profile, order: (u64, u64)) -> Result<(), Problem> {
    let Some(_lock) = lock(profile)? else { return Ok(()) };
    let stored = look(profile)?;
    if stored.order != order {
        return Ok(());
    }
    let result = renewed(profile, &stored);
    // Before the lock is free: a command that finds it free and no report starts another refresh.
    report::write(profile, &Report::new(order, &result, report::read(profile).as_ref()));
    result
}

/// Whether the record is of this place, and no copy.
pub(crate) fn presentable(profile: &Profile) -> Result<(), Problem> {
    let status = profile.store().status(&profile.key()).map_err(|error| Problem::file(&profile.name, &error))?;
    if status.is_copy { Err(Problem::copied(&profile.name)) } else { Ok(()) }
}

fn renewed(profile: &Profile, stored: &Stored) -> Result<(), Problem> {
    presentable(profile)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Problem::io("starting the runtime", &error))?;
    runtime.block_on(async {
        let grant = Kept::new(server::endpoint(profile).await?.refresh_token());
        let session = session(profile, Arc::clone(&grant))?;
        let refreshed = session.run_until(STORING, newer(&session, stored)).await;
        grant.rescue(profile)?;
        refreshed.map_err(|error| Problem::session(&profile.name, &error))
    })
}

/// A token other than the stored one. An expired one is replaced by the first question; else it
/// takes a second.
async fn newer(session: &Session, stored: &Stored) -> Result<(), Error> {
    let token = session.token().await?;
    match &stored.access {
        Some(access) if access == token.access() => session.refresh().await.map(drop),
        _ => Ok(()),
    }
}

/// A session over the profile's record.
pub(crate) fn session(profile: &Profile, grant: impl Grant) -> Result<Session, Problem> {
    session_builder(profile, grant).build().map_err(|error| Problem::unexpected(error.to_string()))
}

pub(crate) fn session_builder(profile: &Profile, grant: impl Grant) -> SessionBuilder {
    let builder = Session::builder(grant).key(profile.key()).store(profile.store());
    builder.holder(format!("tokenflight (process {})", id()))
}
