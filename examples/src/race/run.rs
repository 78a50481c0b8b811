use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use comfy_table::Table;
use serde::Serialize;
use svg::Document;
use tokenflight::BoxError;
use tokio::runtime::Runtime;

use super::{Options, Outcome, picture, processes, progress::Progress, stage, table};

/// The exit code if tokenflight lost its session or presented a refresh token twice.
pub const HARMED: u8 = 1;

/// The exit code if there was no race, or no way to tell of it.
pub const BROKEN: u8 = 2;

/// The whole example: race, table, JSON, picture, exit code.
pub fn run(options: &Options) -> ExitCode {
    let result = match options.processes {
        _ if options.child => processes::child().map(|()| true),
        Some(count) => race_processes(options, count),
        None => race_clients(options),
    };
    match result {
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

fn race_clients(options: &Options) -> Result<bool, BoxError> {
    let output = Output::open(options)?;
    let standings = runtime()?.block_on(stage::hold(options, &Progress::shown()))?;
    let outcome = Outcome::new(options, &standings);
    output.write(&picture::draw(options, &standings), &table::table(&standings), &outcome)?;
    Ok(outcome.tokenflight_unharmed)
}

fn race_processes(options: &Options, count: u16) -> Result<bool, BoxError> {
    let output = Output::open(options)?;
    let standings = runtime()?.block_on(processes::hold(options, count, &Progress::shown()))?;
    let outcome = processes::Outcome::new(options, count, &standings);
    output.write(&processes::draw(options, count, &standings), &processes::table(&standings), &outcome)?;
    Ok(processes::unharmed(&standings))
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// Where everything is written to. A path that cannot be written to is told before the race.
struct Output {
    svg: File,
    path: PathBuf,
    json: Option<Sink>,
}

impl Output {
    fn open(options: &Options) -> Result<Self, BoxError> {
        let (svg, path) = (create(&options.svg)?, options.svg.clone());
        Ok(Self { svg, path, json: options.json.as_deref().map(open).transpose()? })
    }

    fn write(mut self, picture: &Document, table: &Table, outcome: &impl Serialize) -> Result<(), BoxError> {
        self.svg.set_len(0)?;
        svg::write(&mut self.svg, picture).map_err(|error| at(&self.path, &error))?;
        let text = format!("{table}\n\nThe picture of it: {}\n", self.path.display());
        // With JSON on standard output, people read standard error.
        if matches!(self.json, Some(Sink::Stdout)) {
            io::stderr().write_all(text.as_bytes())?;
        } else {
            io::stdout().write_all(text.as_bytes())?;
        }
        let Some(sink) = self.json else { return Ok(()) };
        let text = serde_json::to_string_pretty(outcome)? + "\n";
        match sink {
            Sink::Stdout => io::stdout().write_all(text.as_bytes())?,
            Sink::File(mut file) => {
                file.set_len(0)?;
                file.write_all(text.as_bytes())?;
            }
        }
        Ok(())
    }
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
