//! The page of guarantees: every test and every fault that it names exists, the test in the program
//! that is named with it, and it names every fault.

use std::collections::BTreeSet;

use crate::{prelude::*, source::File};

const PAGE: &str = "crates/tokenflight/docs/guarantees.md";

pub(crate) fn hold() -> Result<(), String> {
    let page = fs::read_to_string(root().join(PAGE)).map_err(|error| format!("{PAGE}: {error}"))?;
    let files = files("crates")?;
    let planted: BTreeSet<String> = faults::all()?.into_iter().map(|fault| fault.name).collect();
    let (mut wrong, mut named) = (Vec::new(), BTreeSet::new());
    // The first row is the table's head; below a heading there may be other tables.
    let promises = page.lines().take_while(|line| !line.starts_with("# "));
    for row in promises.filter(|line| line.starts_with("| ")).skip(1) {
        let [_, _promise, _condition, tests, faults, _] = row.split('|').collect::<Vec<_>>()[..] else {
            return Err(format!("{PAGE}: a row has not four cells: {row}"));
        };
        // The program, then the function.
        let tests = quoted(tests).step_by(2).zip(quoted(tests).skip(1).step_by(2));
        let missing = tests.filter(|(program, function)| !has(&files, program, function));
        wrong.extend(missing.map(|(program, function)| format!("there is no test {function} in {program}")));
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

/// Whether the program, or the module with unit tests, has this function.
fn has(files: &[File], program: &str, function: &str) -> bool {
    let function = format!("fn {function}(");
    files_of(files, program).iter().any(|file| file.code().contains(&function))
}

/// The files of a test program: its root, in whichever crates there is one of that name, and the
/// modules that are declared from there on. Where there is no such program, a module of a library.
fn files_of<'a>(files: &'a [File], program: &str) -> Vec<&'a File> {
    let below = |folder: &str| [format!("/{folder}/{program}.rs"), format!("/{folder}/{program}/")];
    let [flat, folder] = below("tests");
    let roots = [flat, format!("{folder}main.rs")];
    let ends = |file: &&File| roots.iter().any(|root| file.name().ends_with(root));
    let mut found: Vec<&File> = files.iter().filter(ends).collect();
    if found.is_empty() {
        let [flat, folder] = below("src");
        return files.iter().filter(|file| file.name().ends_with(&flat) || file.name().contains(&folder)).collect();
    }
    let mut at = 0;
    while let Some(file) = found.get(at) {
        let declared = modules(file, ends(file));
        let more = files.iter().filter(|file| declared.iter().any(|path| path == Path::new(file.name())));
        let more: Vec<&File> = more.filter(|file| !found.iter().any(|known| known.name() == file.name())).collect();
        found.extend(more);
        at += 1;
    }
    found
}

/// Where the modules may be that a file declares.
fn modules(file: &File, root: bool) -> Vec<PathBuf> {
    let path = Path::new(file.name());
    let beside = path.parent().unwrap_or(path);
    let own = if root || path.ends_with("mod.rs") { beside.to_owned() } else { path.with_extension("") };
    let (mut paths, mut told) = (Vec::new(), None);
    for line in file.code().lines() {
        if let Some(path) = line.trim().strip_prefix("#[path = \"").and_then(|rest| rest.split('"').next()) {
            told = Some(beside.join(path));
        } else if let Some((_, name)) = line.trim().strip_suffix(';').and_then(|line| line.rsplit_once("mod ")) {
            let usual = [own.join(format!("{name}.rs")), own.join(name).join("mod.rs")];
            paths.extend(told.take().map_or_else(|| usual.into(), |path| vec![path]));
        }
    }
    // `..` is the folder above.
    let plain = |path: PathBuf| {
        path.components().fold(PathBuf::new(), |plain, part| match part {
            Component::ParentDir => plain.parent().map_or_else(PathBuf::new, Path::to_owned),
            part => plain.join(part),
        })
    };
    paths.into_iter().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_of_another_program_is_not_taken_for_one_of_this() {
        let files = [
            File::new("crates/a/tests/one/main.rs", "mod part;\n#[path = \"../support/mod.rs\"]\nmod support;"),
            File::new("crates/a/tests/one/part.rs", "mod deep;\nfn in_a_module() {}"),
            File::new("crates/a/tests/one/part/deep.rs", "fn in_a_module_of_a_module() {}"),
            File::new("crates/a/tests/one/orphan.rs", "fn in_no_module() {}"),
            File::new("crates/a/tests/support/mod.rs", "fn beside() {}"),
            File::new("crates/b/tests/two.rs", "fn in_the_other() {}"),
            File::new("crates/b/src/unit/tests.rs", "fn of_a_library() {}"),
        ];
        for function in ["in_a_module", "in_a_module_of_a_module", "beside"] {
            assert!(has(&files, "one", function), "{function}");
        }
        assert!(has(&files, "two", "in_the_other") && has(&files, "unit", "of_a_library"));
        for (program, function) in [("one", "in_the_other"), ("one", "in_no_module"), ("two", "in_a_module")] {
            assert!(!has(&files, program, function), "{program} {function}");
        }
        assert!(!has(&files, "three", "in_the_other") && !has(&files, "one", "of_a_library"));
    }
}
