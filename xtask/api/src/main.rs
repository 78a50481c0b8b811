//! The public interface of a crate, from the JSON that rustdoc writes: a listing to be seen in
//! review, and the rule that every item has one path.
//!
//! `xtask-api <folder of JSON> <folder of listings> [--write] <crate>…`; `cargo xtask api` runs it.

mod paths;

use std::{env, error::Error, fs, path::Path, process::ExitCode};

use public_api::{Builder, PublicApi};

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let write = args.iter().any(|arg| arg == "--write");
    let args: Vec<&String> = args.iter().filter(|arg| *arg != "--write").collect();
    let [json, listings, names @ ..] = args.as_slice() else {
        eprintln!("xtask-api <folder of JSON> <folder of listings> [--write] <crate>…");
        return ExitCode::from(2);
    };
    let mut wrong = Vec::new();
    for name in names {
        let json = Path::new(json.as_str()).join(format!("{}.json", name.replace('-', "_")));
        let listing = Path::new(listings.as_str()).join(format!("{name}.txt"));
        match one(&json, &listing, write) {
            Ok(more) => wrong.extend(more),
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    for line in &wrong {
        eprintln!("{line}");
    }
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is wrong with one crate.
fn one(json: &Path, listing: &Path, write: bool) -> Result<Vec<String>, Box<dyn Error>> {
    let mut wrong = paths::twice(&serde_json::from_slice(&fs::read(json)?)?);
    let api = Builder::from_rustdoc_json(json).omit_blanket_impls(true).omit_auto_trait_impls(true).build()?;
    let now = listed(&api);
    if write {
        fs::write(listing, now)?;
    } else {
        let before = fs::read_to_string(listing).unwrap_or_default();
        if before != now {
            let name = listing.display();
            wrong.push(format!("{name} is not the interface; `cargo xtask api` writes it. What differs:"));
            wrong.extend(without(&before, &now).map(|line| format!("- {line}")));
            wrong.extend(without(&now, &before).map(|line| format!("+ {line}")));
        }
    }
    Ok(wrong)
}

fn listed(api: &PublicApi) -> String {
    api.items().map(|item| format!("{item}\n")).collect()
}

/// The lines of one text that the other has not.
fn without<'a>(text: &'a str, other: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter(|line| !other.lines().any(|there| there == *line))
}
