//! Words that comments, docs and messages do without, and the width of prose.

use std::fs;

use crate::{cargo::root, copy::tracked};

/// A comment speaks of callers, waiters, tasks and holders.
const WORDS: &[&str] = &["anybody", "nobody", "one who", "somebody", "whoever"];

/// The letters that numbers of requirements begin with, of a document outside the repository.
const NUMBERED: &[&str] = &["C-", "I-", "R-", "T-"];

/// The two files that name them.
const HERE: &[&str] = &["CONTRIBUTING.md", "xtask/src/words.rs"];

/// How many characters a line of prose has at most. Code has more.
const COLUMNS: usize = 100;

/// Pages that are made of data.
const MADE: &[&str] = &["docs/bench/report.md", "docs/providers.md"];

pub(crate) fn hold() -> Result<(), String> {
    let mut wrong = Vec::new();
    let read = |name: &String| [".rs", ".md", ".toml", ".svg"].iter().any(|ending| name.ends_with(ending));
    for name in tracked()?.iter().filter(|name| read(name)) {
        // Deleted here and not yet committed.
        let Ok(text) = fs::read_to_string(root().join(name)) else { continue };
        if !HERE.contains(&name.as_str()) {
            for (at, line) in text.lines().enumerate() {
                wrong.extend(found(line).map(|word| format!("{name}:{}: {word}", at + 1)));
            }
        }
        let page = name.ends_with(".md");
        if (page || name.ends_with(".rs")) && !MADE.contains(&name.as_str()) {
            wrong.extend(wide(&text, page).map(|line| format!("{name}:{line}: over {COLUMNS} columns")));
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("words to do without, and lines too long:\n{}", wrong.join("\n")))
    }
}

/// The numbers of the lines of prose that are too long. No prose is what stands in code blocks and
/// tables, and what cannot be broken.
fn wide(text: &str, page: bool) -> impl Iterator<Item = usize> {
    let mut code = false;
    text.lines().zip(1..).filter_map(move |(line, number)| {
        let marked = line.trim_start();
        let prose = if page { marked } else { marked.strip_prefix("//")?.trim_start_matches(['/', '!']).trim_start() };
        code ^= prose.starts_with("```");
        let broken = !code && !prose.starts_with(['|', '!']) && prose.contains(' ');
        (broken && line.chars().count() > COLUMNS).then_some(number)
    })
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
    use super::{found, wide};

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

    #[test]
    fn wide_prose_is_found_and_wide_code_is_not() {
        let long = "word ".repeat(25);
        let text = format!("{long}\n/// {long}\n/// ```\n/// {long}\n/// ```\n    // {long}\n/// | {long} |\n");
        assert_eq!(wide(&text, false).collect::<Vec<_>>(), [2, 6]);
        assert_eq!(wide(&format!("{long}\n```sh\n{long}\n```\n![{long}](a.svg)\n"), true).collect::<Vec<_>>(), [1]);
    }
}
