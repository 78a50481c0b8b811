use std::{io::Write, process::ExitCode, sync::Arc};

use tokenflight::BoxError;
use tokio::task::JoinSet;

use super::{
    Options, TokenFile,
    books::Books,
    interrupt::Interrupt,
    report,
    server::Server,
    settings::Settings,
    stage::{self, Outcome},
    start::Source,
};
use tokenflight_examples::clock::Clock;

/// The exit code if a request failed, or the session is not known to be alive.
pub const HARMED: u8 = 1;

/// The exit code if the soak could not be made.
pub const BROKEN: u8 = 2;

/// The whole example: login, load, probes, report, exit code. The report goes to `out`, warnings and errors to `err`.
#[must_use]
pub fn run(options: Options, out: &mut dyn Write, err: &mut dyn Write) -> ExitCode {
    match soak(options, out, err) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(HARMED),
        Err(error) => {
            // Where the error cannot be read, the code is seen.
            let _ = writeln!(err, "error: {error}");
            ExitCode::from(BROKEN)
        }
    }
}

fn soak(options: Options, out: &mut dyn Write, err: &mut dyn Write) -> Result<bool, BoxError> {
    let settings = Settings::new(options.with_file()?)?;
    if settings.probe_grace.is_some() {
        writeln!(err, "{}", if settings.consent { CONSENTED } else { NO_CONSENT })?;
    }
    let source = Source::new(&settings)?;
    let file = Arc::clone(source.file());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let played = runtime.block_on(play(&settings, source, err));
    // Before anything else is said: this is the only copy.
    let saved = rescue(&file, err)?;
    let outcome = played?;
    writeln!(out, "{}", report::render(&settings, &outcome))?;
    Ok(saved && report::clean(&outcome))
}

async fn play(settings: &Settings, source: Source<'_>, err: &mut dyn Write) -> Result<Outcome, BoxError> {
    let (clock, interrupt) = (Clock::start(), Interrupt::new());
    let mut beside = JoinSet::new();
    beside.spawn(interrupt.clone().listen());
    let books = Books::new(clock);
    let server = interrupt.unless(Server::find(settings)).await??;
    let grant = server.grant(&books)?;
    let start = source.start(&server, &interrupt, err).await?;
    stage::hold(settings, start, grant, books, clock, interrupt).await
}

/// Whether the token file has the newest tokens.
fn rescue(file: &TokenFile, err: &mut dyn Write) -> Result<bool, BoxError> {
    match file.rescue() {
        Ok(None) => Ok(true),
        Ok(Some(path)) => {
            writeln!(err, "warning: the token file could not be written; the newest tokens are in {}", path.display())?;
            Ok(false)
        }
        Err(error) => Err(format!("the newest tokens could not be written anywhere, and are lost: {error}").into()),
    }
}

const CONSENTED: &str = "warning: at the end a used refresh token is presented again. A provider that detects reuse ends \
     the session then, and you have to log in again.";

const NO_CONSENT: &str = "warning: --probe-grace may end your session, so it is left out. Add --yes-end-my-session if \
     losing this login is fine.";
