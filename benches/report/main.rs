//! Writes one report of what was counted and timed: `cargo xtask bench --report`.
//!
//! `report FIGURES TIMES FOLDER`: from the folder with `counts.tsv` and `peers.tsv` and from
//! criterion's, into a folder with `report.md` and its plots.

mod figures;
mod place;
mod plots;
mod tables;
mod targets;

use std::{env, fs, path::Path, process::ExitCode};

use figures::Figures;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let [figures, times, folder] = args.as_slice() else {
        eprintln!("report FIGURES TIMES FOLDER");
        return ExitCode::from(2);
    };
    match report(Path::new(figures), Path::new(times), Path::new(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn report(figures: &Path, times: &Path, folder: &Path) -> Result<(), BoxError> {
    let figures = Figures::read(figures, times)?;
    fs::create_dir_all(folder)?;
    plots::headers(&figures, &folder.join("headers.svg"))?;
    plots::threads(&figures, &folder.join("threads.svg"))?;
    plots::storm(&figures, &folder.join("storm.svg"))?;
    plots::peers(&figures, &folder.join("peers.svg"))?;
    let text = [
        "# What it costs\n\nWritten by `cargo xtask bench --report`; do not edit.\n".to_owned(),
        place::describe()?,
        targets::describe(&figures),
        tables::counts(&figures),
        tables::times(&figures),
        tables::peers(&figures),
        tables::losses(&figures),
    ];
    fs::write(folder.join("report.md"), text.join("\n"))?;
    Ok(())
}
