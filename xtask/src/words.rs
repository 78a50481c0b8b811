//! Words that comments, docs and messages do without.

use std::fs;

use crate::{cargo::root, copy::tracked};

/// A comment speaks of callers, waiters, tasks and holders.
const WORDS: &[&str] = &["anybody", "nobody", "one who", "somebody", "whoever"];

/// The letters that numbers of requirements begin with: they stand in a document that is not in the
/// repository.
const NUMBERED: &[&str] = &["C-", "I-", "R-", "T-"];

/// The two files that name them.
const HERE: &[&str] = &["CONTRIBUTING.md", "xtask/src/words.rs"];

pub(crate) fn hold() -> Result<(), String> {
    let mut wrong = Vec::new();
    let read = |name: &String| [".rs", ".md", ".toml", ".svg"].iter().any(|ending| name.ends_with(ending));
    for name in tracked()?.iter().filter(|name| read(name) && !HERE.contains(&name.as_str())) {
        // Deleted here and not yet committed.
        let Ok(text) = fs::read_to_string(root().join(name)) else { continue };
        for (at, line) in text.lines().enumerate() {
            wrong.extend(found(line).map(|word| format!("{name}:{}: {word}", at + 1)));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("words to do without:\n{}", wrong.join("\n"))) }
}

fn found(line: &str) -> Option<String> {
    // At the beginning of a sentence as well; `NoBody` is another word.
    let as_written = |word: &&&str| {
        let (first, rest) = word.split_at(1);
        [(**word).to_owned(), format!("{}{rest}", first.to_uppercase())].iter().any(|word| whole(line, word))
    };
    let word = WORDS.iter().find(as_written).map(|word| (*word).to_owned());
    word.or_else(|| {
        NUMBERED.iter().find_map(|letter| {
            let at = line.match_indices(letter).find(|(at, _)| {
                starts(line, *at) && line[at + letter.len()..].starts_with(|char: char| char.is_ascii_digit())
            });
            at.map(|_| format!("{letter}…"))
        })
    })
}

/// Whether the word is there and no part of another.
fn whole(text: &str, word: &str) -> bool {
    let ends = |at: usize| !text[at + word.len()..].starts_with(|char: char| char.is_alphanumeric() || char == '_');
    text.match_indices(word).any(|(at, _)| starts(text, at) && ends(at))
}

fn starts(text: &str, at: usize) -> bool {
    !text[..at].ends_with(|char: char| char.is_alphanumeric() || char == '_' || char == '-')
}

#[cfg(test)]
mod tests {
    use super::found;

    #[test]
    fn words_are_found_whole_and_at_the_beginning_of_a_sentence() {
        assert!(found("/// Nobody waits.").is_some() && found("// one who waits").is_some());
        assert!(found("NoBody = \"no_body\",").is_none() && found("a clone whose").is_none());
    }

    #[test]
    fn numbers_of_requirements_are_found() {
        // Put together here, or they would be found in this file.
        for letter in ['R', 'T'] {
            assert!(found(&format!("as ({letter}-{}) says", 1)).is_some());
        }
        assert!(found("AES-256, RSA-2048, UTF-8, HTTP-401, SR-71").is_none());
    }
}
