//! `mod.rs` and `lib.rs` hold documentation and re-exports.

use crate::{
    source::{File, files},
    tokens::{closing, end_of_item, tokens},
};

/// Files that hold more, and why.
const MORE: &[(&str, &str)] = &[
    ("crates/tokenflight-test/src/contract/cell/mod.rs", "open: a macro that lists the rules"),
    ("crates/tokenflight-test/src/contract/store/mod.rs", "open: a macro that lists the rules"),
    ("crates/tokenflight-test/src/tasks/mod.rs", "open: to be moved to a file of its own"),
    ("examples/clients/src/lib.rs", "an example is read from its top"),
    ("examples/pools/src/lib.rs", "an example is read from its top"),
    ("examples/service/src/lib.rs", "an example is read from its top"),
    ("examples/src/race/clients/mod.rs", "open: a trait"),
    ("examples/src/race/picture/mod.rs", "open: draws"),
    ("examples/src/race/processes/contestants/mod.rs", "open: a trait"),
    ("examples/src/race/processes/picture/mod.rs", "open: draws"),
    ("examples/telemetry/src/lib.rs", "an example is read from its top"),
];

pub(crate) fn hold() -> Result<(), String> {
    let mut all = files("crates")?;
    all.extend(files("examples")?);
    let facade = |name: &str| name.contains("/src/") && (name.ends_with("/mod.rs") || name.ends_with("/lib.rs"));
    let mut wrong = Vec::new();
    for file in all.iter().filter(|file| facade(file.name())) {
        match (more(file), MORE.iter().any(|(name, _)| *name == file.name())) {
            (Some(item), false) => wrong.push(format!("{} has `{item}`", file.name())),
            (None, true) => wrong.push(format!("{} holds nothing more now: take it off the list", file.name())),
            _ => {}
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("mod.rs and lib.rs hold documentation and re-exports:\n{}", wrong.join("\n")))
    }
}

/// The first item that is neither a module of its own file nor an import.
fn more(file: &File) -> Option<String> {
    let tokens = tokens(file.text());
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    let mut at = 0;
    while at < tokens.len() {
        match token(at) {
            "#" | "pub" => {
                at += 1;
                at += usize::from(token(at) == "!");
                if matches!(token(at), "[" | "(") {
                    at = closing(&tokens, at);
                }
            }
            "use" => at += tokens[at..].iter().position(|token| token == ";")? + 1,
            "mod" if token(at + 2) == ";" => at += 3,
            "extern" if token(at + 1) == "crate" => at = end_of_item(&tokens, at),
            _ => return Some(tokens[at..].iter().take(3).cloned().collect::<Vec<_>>().join(" ")),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_in_a_facade_is_found() {
        let found = |text: &str| more(&File::new("x/src/mod.rs", text));
        let plain = "//! Docs.\n#![forbid(unsafe_code)]\nextern crate alloc;\n#[cfg(x)]\npub(crate) mod a;\n\
                     pub use self::a::{B, C};\n#[cfg(test)]\nmod tests { fn f() {} }\n";
        assert_eq!(found(plain), None);
        assert_eq!(found(&format!("{plain}pub type D = u8;")).as_deref(), Some("type D ="));
        assert_eq!(found(&format!("{plain}fn find() {{}}")).as_deref(), Some("fn find ("));
        assert!(found("mod inline { pub use x::y; }").is_some());
    }
}
