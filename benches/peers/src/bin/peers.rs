//! Lists the cases, calls one so often for a tool that counts instructions, or has a hundred
//! callers ask at once.
//!
//! `peers list` · `peers CASE HEADERS CALLS HEAP` · `peers storm CASE STORMS`

use std::{env, process::ExitCode};

use tokenflight_peers::{CASES, Case, Error, count, storm};

const HELP: &str = "peers list | peers CASE HEADERS CALLS HEAP | peers storm CASE STORMS";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match run(&args.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result<(), Error> {
    match args {
        ["list"] => list(),
        ["storm", case, storms] => storms_of(named(case)?, storms.parse()?)?,
        [case, headers, calls, heap] => {
            count::run(named(case)?, headers.parse()?, calls.parse()?, heap.parse()?)?;
        }
        _ => return Err(HELP.into()),
    }
    Ok(())
}

fn named(name: &str) -> Result<&'static Case, Error> {
    Case::named(name).ok_or_else(|| format!("no case is called {name}; see `peers list`").into())
}

/// One line for each case, its fields between tabs, after a line with their names.
fn list() {
    println!("name\tpackage\tversion\tmeasured\twhat\tcannot\tbase\tours\tstorm");
    for case in CASES {
        let fields = [
            case.name.to_owned(),
            case.package.to_owned(),
            case.version().to_owned(),
            case.measured.to_string(),
            case.what.to_owned(),
            case.cannot.join("; "),
            case.base.to_owned(),
            case.ours.to_owned(),
            if case.storm.is_some() { "yes" } else { "no" }.to_owned(),
        ];
        println!("{}", fields.join("\t"));
    }
}

/// The fewest and the most token requests that a storm came to.
fn storms_of(case: &Case, storms: usize) -> Result<(), Error> {
    let build = case.storm.ok_or("its cache cannot be empty")?;
    let runtime = storm::runtime()?;
    let mut requests = Vec::new();
    for _ in 0..storms {
        requests.push(runtime.block_on(storm::once(build))?.requests);
    }
    let (fewest, most) = (requests.iter().min(), requests.iter().max());
    println!("{}\t{}", fewest.ok_or("no storm")?, most.ok_or("no storm")?);
    Ok(())
}
