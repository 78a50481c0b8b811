use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use serde_json::Value;
use tokenflight_example_soak::{Options, run};

/// What a run left behind.
pub(crate) struct Ran {
    pub(crate) code: ExitCode,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// An empty folder of its own.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("soak").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

pub(crate) fn parse<S: AsRef<str>>(flags: &[S]) -> Result<Options, clap::Error> {
    Options::try_parse_from(["soak"].into_iter().chain(flags.iter().map(AsRef::as_ref)))
}

pub(crate) fn soak<S: AsRef<str>>(flags: &[S]) -> Ran {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(parse(flags).unwrap(), &mut out, &mut err);
    Ran { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

pub(crate) fn member(file: &Path, name: &str) -> String {
    let login: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    login[name].as_str().unwrap().to_owned()
}

/// Tokens are long words with digits in them, and the reports have none. So all tokens of a run are looked for, whether or not
/// the test has ever seen them.
pub(crate) fn assert_no_token(text: &str) {
    let word = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
    for found in text.split(|char| !word(char)) {
        let like_a_token = found.len() >= 20 && found.bytes().any(|byte| byte.is_ascii_digit());
        assert!(!like_a_token, "{found} looks like a token in:\n{text}");
    }
}
