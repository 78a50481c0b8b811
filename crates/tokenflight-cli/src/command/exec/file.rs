//! The token in a file, which is replaced before it expires, for as long as the command runs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Command, ExitCode, ExitStatus},
    time::Duration,
};

use crate::{
    args::Format,
    clock,
    config::Profile,
    private,
    problem::Problem,
    process::terminate,
    signals::{Asked, Signals},
    terminal::say,
    token::{Stored, Wish, fresh, look, obtain, text},
};

/// How often the record is looked at: another process may have replaced the token.
const LOOK: Duration = Duration::from_secs(1);

/// The pause after a refresh that failed.
const PAUSE: Duration = Duration::from_secs(10);

/// A file that is gone when the command has ended.
struct Kept(PathBuf);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

pub(super) fn run(profile: &Profile, wish: &Wish, variable: &str, mut command: Command) -> Result<ExitCode, Problem> {
    let stored = fresh(profile, wish)?;
    let kept = Kept(place(profile));
    write(&kept.0, &stored)?;
    command.env(variable, &kept.0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Problem::io("starting the runtime", &error))?;
    let status = runtime.block_on(beside(profile, wish, command, &kept.0, stored))?;
    Ok(code(status))
}

/// In memory where there is a folder for that, else beside the login.
fn place(profile: &Profile) -> PathBuf {
    let folder = private::runtime_folder().unwrap_or_else(|| profile.folder().to_owned());
    folder.join(format!("{}.{}.token", profile.name, process::id()))
}

fn write(path: &Path, stored: &Stored) -> Result<(), Problem> {
    let written = private::write(path, text(stored, Format::Bare).trim_end().as_bytes());
    written.map_err(|error| Problem::io("writing the token's file", &error))
}

/// Runs the command and keeps the file fresh. A signal that asks this process to end is handed on,
/// and the command is waited for.
async fn beside(
    profile: &Profile,
    wish: &Wish,
    command: Command,
    path: &Path,
    mut held: Stored,
) -> Result<ExitStatus, Problem> {
    let program = command.get_program().to_owned();
    let mut signals = Signals::listen().map_err(|error| Problem::io("listening to signals", &error))?;
    let child = tokio::process::Command::from(command).spawn();
    let mut child = child.map_err(|error| Problem::not_run(&program, &error))?;
    let pid = child.id();
    let mut pause = LOOK;
    loop {
        tokio::select! {
            biased;
            status = child.wait() => {
                return status.map_err(|error| Problem::io("waiting for the command", &error));
            }
            // A terminal asks the command as well, which decides.
            asked = signals.next() => {
                if asked == Asked::Alone {
                    pid.into_iter().for_each(terminate);
                }
            }
            () = clock::sleep(pause) => {
                pause = match replaced(profile, wish, path, &mut held).await {
                    Ok(()) => LOOK,
                    Err(problem) => {
                        say(&format!("tokenflight: the token's file was not renewed: {problem}"));
                        PAUSE
                    }
                };
            }
        }
    }
}

/// Replaces the file if there is a newer token, or should be one.
async fn replaced(profile: &Profile, wish: &Wish, path: &Path, held: &mut Stored) -> Result<(), Problem> {
    let stored = look(profile)?;
    let fresh = match stored.lives_for(wish.freshness.min_lifetime) {
        true => stored,
        false => {
            let (profile, wish) = (profile.clone(), wish.clone());
            // Waiting for a refresh blocks, and the command may end meanwhile.
            let obtained = tokio::task::spawn_blocking(move || obtain(&profile, &wish)).await;
            obtained.map_err(|error| Problem::unexpected(error.to_string()))??.0
        }
    };
    if fresh.order != held.order {
        write(path, &fresh)?;
        *held = fresh;
    }
    Ok(())
}

/// The command's own code; 128 and the signal, as shells say it, if it was ended by one.
fn code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal = None::<i32>;
    let code = status.code().or_else(|| signal.map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
