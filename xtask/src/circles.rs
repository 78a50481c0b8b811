//! No circle of files: a type that two files use lives below both.
//!
//! A file depends on those that define what its paths name, in `use` and elsewhere, followed
//! through what others import or re-export. A method that is called names no file: an `impl` block
//! may stand above its type. What `mod.rs` and `lib.rs` name does not count: they only hand on.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    source::{File, files},
    tokens::tokens,
};

type Path = Vec<String>;

const ITEMS: &[&str] = &["fn", "struct", "enum", "trait", "type", "const", "static", "union", "macro_rules"];

/// A file, as the module that it is.
#[derive(Debug, Default)]
struct Module {
    file: String,
    items: BTreeSet<String>,
    /// What names that were imported, or exported again, stand for.
    names: BTreeMap<String, Path>,
    globs: Vec<Path>,
    /// All paths in it.
    paths: BTreeSet<Path>,
}

type Modules = BTreeMap<Path, Module>;

/// No library and no program of ours has one.
pub(crate) fn none() -> Result<(), String> {
    let all = files("crates")?;
    let mut found = Vec::new();
    let sources = |file: &File| Some(file.name().split_once("/src/")?.0.to_owned());
    for root in all.iter().filter_map(sources).collect::<BTreeSet<_>>() {
        let own = all.iter().filter(|file| sources(file).as_ref() == Some(&root));
        found.extend(circles(own));
    }
    if found.is_empty() { Ok(()) } else { Err(format!("files that need each other:\n{}", found.join("\n"))) }
}

/// A line for each name by which a file of a circle needs another one of it.
fn circles<'a>(files: impl Iterator<Item = &'a File>) -> Vec<String> {
    let modules: Modules = files.map(|file| (place(file.name()), module(file))).collect();
    let mut needs: BTreeMap<&Path, BTreeMap<&Path, &Path>> = BTreeMap::new();
    for (place, module) in modules.iter().filter(|(_, module)| !hands_on(&module.file)) {
        for path in &module.paths {
            let target = absolute(&modules, place, path).and_then(|path| owner(&modules, &path, 0));
            if let Some(target) = target.filter(|target| *target != place) {
                needs.entry(place).or_default().entry(target).or_insert(path);
            }
        }
    }
    let edges = needs.iter().flat_map(|(from, targets)| targets.iter().map(move |(to, path)| (*from, *to, *path)));
    edges
        .filter(|(from, to, _)| {
            let (mut seen, mut open) = (BTreeSet::new(), vec![*to]);
            while let Some(place) = open.pop() {
                open.extend(needs.get(place).into_iter().flat_map(BTreeMap::keys).filter(|next| seen.insert(**next)));
            }
            seen.contains(from)
        })
        .map(|(from, to, path)| format!("{} needs {}: {}", modules[from].file, modules[to].file, path.join("::")))
        .collect()
}

fn hands_on(file: &str) -> bool {
    file.ends_with("/mod.rs") || file.ends_with("/lib.rs")
}

/// The path of the module that a file is.
fn place(file: &str) -> Path {
    let (_, inside) = file.split_once("/src/").unwrap_or(("", file));
    let mut place: Path = inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    place.pop_if(|last| ["mod", "lib", "main"].contains(&last.as_str()));
    place
}

fn module(file: &File) -> Module {
    let tokens = tokens(file.text());
    let mut module = Module { file: file.name().to_owned(), ..Module::default() };
    let mut at = 0;
    while at < tokens.len() {
        let next = |offset: usize| tokens.get(at + offset).map_or("", String::as_str);
        if next(0) == "use" && next(1) != "<" {
            let end = tokens[at..].iter().position(|token| token == ";").map_or(tokens.len(), |length| at + length);
            import(&mut module, &tokens[at + 1..end]);
            at = end;
        } else if ITEMS.contains(&next(0)) {
            let name = tokens[at + 1..].iter().find(|token| *token != "!");
            module.items.extend(name.cloned());
            at += 1;
        } else if next(1) == "::" && at.checked_sub(1).is_none_or(|before| tokens[before] != "::") {
            let mut path = vec![next(0).to_owned()];
            while next(2 * path.len() - 1) == "::"
                && next(2 * path.len()).starts_with(|char: char| char.is_alphabetic())
            {
                path.push(next(2 * path.len()).to_owned());
            }
            at += 2 * path.len() - 1;
            module.paths.insert(path);
        } else {
            at += 1;
        }
    }
    module
}

/// The imports of one `use`, up to its end.
fn import(module: &mut Module, tree: &[String]) {
    let (mut path, mut groups, mut alias) = (Path::new(), vec![0], None);
    for (at, token) in tree.iter().map(String::as_str).chain([";"]).enumerate() {
        match token {
            "::" | "as" => {}
            "{" => groups.push(path.len()),
            "}" | "," | ";" => {
                let mut named = path.clone();
                // Behind a group there is nothing to import.
                if at > 0 && tree[at - 1] == "}" {
                    named.clear();
                }
                if token == "}" {
                    groups.pop();
                }
                path.truncate(groups.last().copied().unwrap_or(0));
                named.pop_if(|last| last == "self");
                if named.pop_if(|last| last == "*").is_some() {
                    module.globs.push(named);
                } else if let Some(last) = named.last().cloned() {
                    module.names.insert(alias.take().unwrap_or(last), named.clone());
                    module.paths.insert(named);
                }
            }
            _ if at > 0 && tree[at - 1] == "as" => alias = Some(token.to_owned()),
            _ => path.push(token.to_owned()),
        }
    }
}

/// A path from the root; `None` if it leads to another crate.
fn absolute(modules: &Modules, from: &Path, path: &[String]) -> Option<Path> {
    let (first, rest) = path.split_first()?;
    let child = || [from.as_slice(), std::slice::from_ref(first)].concat();
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some([from, rest].concat()),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            Some([&from[..from.len().checked_sub(ups)?], &path[ups..]].concat())
        }
        _ if modules.contains_key(&child()) => Some([from, path].concat()),
        _ => match modules.get(from)?.names.get(first) {
            Some(named) if named != path => Some([absolute(modules, from, named)?.as_slice(), rest].concat()),
            _ => None,
        },
    }
}

/// The module whose file defines what this names.
fn owner<'a>(modules: &'a Modules, path: &Path, round: u8) -> Option<&'a Path> {
    let depth = (0..path.len()).rev().find(|depth| modules.contains_key(&path[..*depth]))?;
    let (place, module) = modules.get_key_value(&path[..depth])?;
    let (name, rest) = path[depth..].split_first()?;
    if round > 16 || modules.contains_key(path) {
        return None;
    }
    if module.items.contains(name) {
        return Some(place);
    }
    let follow = |path: &Path| owner(modules, &[path, rest].concat(), round + 1);
    if let Some(named) = module.names.get(name) {
        return absolute(modules, place, named).and_then(|path| follow(&path));
    }
    let globs = module.globs.iter().filter_map(|glob| absolute(modules, place, glob));
    globs.filter_map(|glob| follow(&[glob, vec![name.clone()]].concat())).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> usize {
        let files: Vec<_> = files.iter().map(|(name, text)| File::new(format!("x/src/{name}"), *text)).collect();
        circles(files.iter()).len()
    }

    #[test]
    fn a_circle_is_found_through_what_is_handed_on() {
        let root = ("lib.rs", "mod a; mod b;");
        let a = ("a/one.rs", "use crate::b::{Two as T};\npub struct One(T);");
        let over = ("a/mod.rs", "mod one; pub use self::one::One;");
        assert_eq!(found(&[root, a, over, ("b.rs", "pub struct Two(crate::a::One);")]), 2);
        assert_eq!(found(&[root, a, over, ("b.rs", "use super::a; pub struct Two; fn f(_: a::One) {}")]), 2);
        assert_eq!(found(&[root, a, over, ("b.rs", "#[cfg(test)] use super::a::One; pub struct Two;")]), 0);
    }

    #[test]
    fn an_impl_above_its_type_is_none() {
        let below = ("a.rs", "pub struct One; impl One { fn f(&self) { self.g() } }");
        assert_eq!(found(&[("lib.rs", ""), below, ("b.rs", "use crate::a::One; impl One { fn g(&self) {} }")]), 0);
    }
}
