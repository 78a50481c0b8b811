//! What the `rust-version` of a published crate promises, as far as one toolchain can show it:
//! nothing that it builds on wants a newer compiler. That its own code does not is clippy's
//! `incompatible_msrv`.

use std::collections::BTreeMap;

use crate::{cargo::Cargo, published};

/// A version of the compiler.
type Version = (u32, u32);

pub(crate) fn holds() -> Result<(), String> {
    let wanted = wanted(&Cargo::new("metadata --format-version 1 --all-features").output()?);
    let mut wrong = Vec::new();
    for name in published::names()? {
        let own =
            wanted.iter().find_map(|(package, version)| (package.split(' ').next() == Some(&name)).then_some(*version));
        let own = own.ok_or_else(|| format!("{name} has no rust-version"))?;
        let tree = "tree --all-features --edges normal,build --target all --prefix none --format {p} --package";
        for line in Cargo::new(tree).args(&name).output()?.lines() {
            // The name and the version; a path may follow.
            let package = line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
            wrong.extend(wanted.get(&package).filter(|version| **version > own).map(|(major, minor)| {
                format!("{name} promises {}.{}, and {package} wants {major}.{minor}", own.0, own.1)
            }));
        }
    }
    wrong.sort();
    wrong.dedup();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// The compiler that each package wants, in what `cargo metadata` printed, by name and version.
fn wanted(metadata: &str) -> BTreeMap<String, Version> {
    let (mut wanted, mut package) = (BTreeMap::new(), String::new());
    // Dependencies and targets begin with a name, too; only a package goes on with its version.
    for part in metadata.split(r#"{"name":""#) {
        let mut quoted = part.split('"');
        if let (Some(name), Some(","), Some("version"), Some(":"), Some(version)) =
            (quoted.next(), quoted.next(), quoted.next(), quoted.next(), quoted.next())
        {
            package = format!("{name} v{version}");
        }
        let rust = part.rsplit_once(r#""rust_version":""#).and_then(|(_, rest)| {
            let mut numbers = rest.split(['.', '"']).map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        });
        wanted.extend(rust.map(|version| (package.clone(), version)));
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::wanted;

    #[test]
    fn what_a_package_wants_is_not_taken_for_what_its_dependencies_do() {
        let metadata = concat!(
            r#"{"packages":[{"name":"a","version":"2.0.1","dependencies":[{"name":"b","source":"s"}],"rust_version":"1.85.0"},"#,
            r#"{"name":"b","version":"1.0.0","targets":[{"kind":["lib"],"name":"b"}],"rust_version":null},"#,
            r#"{"name":"c","version":"0.1.0","rust_version":"1.9"}],"resolve":{"nodes":[{"name":"b","pkg":"b"}]}}"#,
        );
        let wanted: Vec<_> = wanted(metadata).into_iter().collect();
        assert_eq!(wanted, [("a v2.0.1".to_owned(), (1, 85)), ("c v0.1.0".to_owned(), (1, 9))]);
    }
}
