use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use tokenflight::BoxError;

use super::{Options, Outcome, picture, progress::Progress, stage, table};

/// The exit code if tokenflight lost its session or presented a refresh token twice.
pub const HARMED: u8 = 1;

/// The exit code if there was no race, or no way to tell of it.
pub const BROKEN: u8 = 2;

/// The whole example: race, table, JSON, picture, exit code.
#[must_use]
pub fn run(options: &Options) -> ExitCode {
    match race(options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("tokenflight lost its session or presented a refresh token twice; this must not happen");
            ExitCode::from(HARMED)
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(BROKEN)
        }
    }
}

fn race(options: &Options) -> Result<bool, BoxError> {
    // A path that cannot be written to is told now, not after the race.
    let mut svg = create(&options.svg)?;
    let json = options.json.as_deref().map(open).transpose()?;
    let quiet = matches!(json, Some(Sink::Stdout));

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let standings = runtime.block_on(stage::hold(options, &Progress::shown()))?;
    let outcome = Outcome::new(options, &standings);

    svg.set_len(0)?;
    svg::write(&mut svg, &picture::draw(options, &standings)).map_err(|error| at(&options.svg, &error))?;
    let text = format!("{}\n\nThe picture of it: {}\n", table::table(&standings), options.svg.display());
    // With JSON on standard output, people read standard error.
    if quiet {
        io::stderr().write_all(text.as_bytes())?
    } else {
        io::stdout().write_all(text.as_bytes())?
    }
    if let Some(sink) = json {
        let text = serde_json::to_string_pretty(&outcome)? + "\n";
        match sink {
            Sink::Stdout => io::stdout().write_all(text.as_bytes())?,
            Sink::File(mut file) => {
                file.set_len(0)?;
                file.write_all(text.as_bytes())?;
            }
        }
    }
    Ok(outcome.tokenflight_unharmed)
}

enum Sink {
    Stdout,
    File(File),
}

fn open(path: &Path) -> Result<Sink, BoxError> {
    if path == Path::new("-") { Ok(Sink::Stdout) } else { create(path).map(Sink::File) }
}

fn create(path: &Path) -> Result<File, BoxError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|error| at(folder, &error))?;
    }
    // What is there stays there until there is something to put in its place.
    File::options().write(true).create(true).truncate(false).open(path).map_err(|error| at(path, &error))
}

fn at(path: &Path, error: &io::Error) -> BoxError {
    format!("cannot write to {}: {error}", path.display()).into()
}
