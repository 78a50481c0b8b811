//! The compiler, with the crates that this test was built with.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

/// What every piece of code begins with: the crates by their names.
const CRATES: &str = "#[allow(unused_imports)]\nuse tokenflight_example_clients::crates::*;\n";

/// What the compiler says to a library of this code; nothing if it has no error.
pub(crate) fn errors(name: &str, code: &str) -> String {
    compile(name, code, &["--crate-type", "lib", "--emit", "metadata"]).err().unwrap_or_default()
}

pub(crate) fn program(name: &str, code: &str) -> PathBuf {
    compile(name, code, &["--crate-type", "bin"]).unwrap_or_else(|errors| panic!("{errors}"))
}

fn compile(name: &str, code: &str, options: &[&str]) -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (source, result) = (folder.join(format!("{name}.rs")), folder.join(format!("{name}.out")));
    fs::write(&source, format!("{CRATES}{code}")).unwrap();
    let built = built();
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition", "2024", "--cap-lints", "allow"])
        .args(options)
        .arg("-L")
        .arg(format!("dependency={}", built.parent().unwrap().display()))
        .arg("--extern")
        .arg(format!("tokenflight_example_clients={}", built.display()))
        .arg("-o")
        .arg(&result)
        .arg(&source)
        .output()
        .unwrap();
    if output.status.success() { Ok(result) } else { Err(String::from_utf8(output.stderr).unwrap()) }
}

/// The library of the examples, which names the crates: the newest, because others have been built
/// in other ways, or from what the source was before.
fn built() -> PathBuf {
    let test = env::current_exe().unwrap();
    let files = fs::read_dir(test.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let is_library = |file: &PathBuf| {
        let name = file.file_name().unwrap().to_string_lossy();
        name.starts_with("libtokenflight_example_clients-") && name.ends_with(".rlib")
    };
    let age = |file: &PathBuf| fs::metadata(file).and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    files.filter(is_library).max_by_key(age).expect("the library of the examples is beside this test")
}
