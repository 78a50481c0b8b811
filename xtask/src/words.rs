//! Words that comments, docs and messages do without, and the width of prose.

use std::fs;

use crate::{cargo::root, copy::tracked};

/// A comment speaks of callers, waiters, tasks and holders.
const WORDS: &[&str] = &["anybody", "nobody", "one who", "somebody", "whoever"];

/// Words that this project once coined, or used for something else; CONTRIBUTING.md says what is
/// said instead. Parts of names in code, and words of comments and pages.
const GONE: &[&str] = &[
    "arrival",
    "birth",
    "cure",
    "cured",
    "cures",
    "desert",
    "desk",
    "farewell",
    "hub",
    "kick",
    "landing",
    "mint",
    "nap",
    "nudge",
    "pilot",
    "spare",
    "stray",
    "supply",
    "tape",
    "teller",
    "touchdown",
    "voyage",
    "world",
];

/// Names that contain one.
const BRANDS: &[&str] = &["github", "hubspot"];

/// Names of types that say too little; as words of prose they are good.
const GONE_TYPES: &[&str] = &["Way", "proxy::Line"];

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
        let (page, code) = (name.ends_with(".md"), name.ends_with(".rs"));
        if !HERE.contains(&name.as_str()) {
            for (at, line) in text.lines().enumerate() {
                let coined = match (code, page) {
                    (true, _) => gone(line),
                    (_, true) => gone_words(line),
                    _ => Vec::new(),
                };
                let words = found(line).into_iter().chain(coined);
                wrong.extend(words.map(|word| format!("{name}:{}: {word}", at + 1)));
            }
        }
        if (page || code) && !MADE.contains(&name.as_str()) {
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

/// The gone words in the code and the comment of a line. What a string says is not looked at.
fn gone(line: &str) -> Vec<String> {
    let quoted = |at: usize| line[..at].matches('"').count() % 2 == 1;
    let comment = line.match_indices("//").map(|(at, _)| at).find(|at| !quoted(*at)).unwrap_or(line.len());
    let (code, comment) = line.split_at(comment);
    let bare: String = code.split('"').step_by(2).chain([comment]).collect::<Vec<_>>().join(" ");
    let mut gone = gone_words(&bare);
    let types = GONE_TYPES.iter().filter(|name| {
        code.match_indices(**name)
            .any(|(at, _)| !code[at + name.len()..].starts_with(|char: char| char.is_lowercase() || char == '_'))
    });
    gone.extend(types.map(|name| (*name).to_owned()));
    gone
}

/// The gone words in a text, also as parts of names.
fn gone_words(text: &str) -> Vec<String> {
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    let words = text
        .split(|char| !is_word(char))
        .filter(|word| !BRANDS.iter().any(|brand| word.to_lowercase().contains(brand)));
    words.flat_map(parts).filter(|part| GONE.contains(&part.as_str())).collect()
}

/// The parts of a name, in small letters.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut small = false;
    for char in name.chars() {
        if char == '_' || (char.is_uppercase() && small) {
            parts.push(String::new());
        }
        small = !char.is_uppercase();
        if let Some(part) = parts.last_mut().filter(|_| char != '_') {
            part.extend(char.to_lowercase());
        }
    }
    parts
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
    use super::{found, gone, gone_words, wide};

    #[test]
    fn gone_words_are_found_as_parts_of_names_and_in_comments() {
        for planted in ["fn world() {}", "struct TestWorld;", "const NAP_TIME: u8", "// a spare one", "enum UnderWay {"]
        {
            assert_eq!(gone(planted).len(), 1, "{planted}");
        }
        for good in
            ["github_hub", "let s = \"world\"; // a way", "struct Ways;", "fn worldly()", "use x::proxy::Lines;"]
        {
            assert!(gone(good).is_empty(), "{good}");
        }
        assert_eq!(gone("use tokenflight_test::proxy::Line;"), ["proxy::Line"]);
    }

    #[test]
    fn gone_words_are_found_in_pages_and_names_of_types_are_not() {
        assert_eq!(gone_words("What another token may cure, it says (\"a `mint`\")."), ["cure", "mint"]);
        assert!(gone_words("Way to go: cargo on GitHub, secure.").is_empty());
    }

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
