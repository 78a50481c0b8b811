//! `mod.rs` and `lib.rs` hold documentation and re-exports.

use crate::{
    source::{File, files},
    tokens::{closing, end_of_item, tokens},
};

pub(crate) fn hold() -> Result<(), String> {
    let mut all = files("crates")?;
    // An example's `lib.rs` is the example.
    all.extend(files("examples")?.into_iter().filter(|file| file.name().ends_with("/mod.rs")));
    let facade = |name: &str| name.contains("/src/") && (name.ends_with("/mod.rs") || name.ends_with("/lib.rs"));
    let facades = all.iter().filter(|file| facade(file.name()));
    let wrong: Vec<_> = facades.filter_map(|file| Some(format!("{} has `{}`", file.name(), more(file)?))).collect();
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
