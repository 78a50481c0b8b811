//! The page of guarantees: every test and fault that it names exists, and it names every fault.

use std::{collections::BTreeSet, fs};

use crate::{cargo::root, faults, source::files};

const PAGE: &str = "crates/tokenflight/docs/guarantees.md";

pub(crate) fn hold() -> Result<(), String> {
    let page = fs::read_to_string(root().join(PAGE)).map_err(|error| format!("{PAGE}: {error}"))?;
    let code: String = files("crates")?.iter().map(|file| file.code()).collect();
    let planted: BTreeSet<String> = faults::all()?.into_iter().map(|fault| fault.name).collect();
    let (mut wrong, mut named) = (Vec::new(), BTreeSet::new());
    // The first row is the table's head; below a heading there may be other tables.
    let promises = page.lines().take_while(|line| !line.starts_with("# "));
    for row in promises.filter(|line| line.starts_with("| ")).skip(1) {
        let [_, _promise, _condition, tests, faults, _] = row.split('|').collect::<Vec<_>>()[..] else {
            return Err(format!("{PAGE}: a row has not four cells: {row}"));
        };
        // The program, then the function.
        let functions = quoted(tests).skip(1).step_by(2);
        let missing = functions.filter(|name| !code.contains(&format!("fn {name}(")));
        wrong.extend(missing.map(|name| format!("there is no test {name}")));
        named.extend(quoted(faults).map(str::to_owned));
    }
    wrong.extend(named.difference(&planted).map(|fault| format!("there is no fault {fault}")));
    wrong.extend(planted.difference(&named).map(|fault| format!("the page does not name the fault {fault}")));
    if wrong.is_empty() { Ok(()) } else { Err(format!("{PAGE}: {}", wrong.join("\n"))) }
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
