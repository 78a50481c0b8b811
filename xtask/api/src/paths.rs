//! Every public item has one path.

use std::collections::BTreeMap;

use rustdoc_types::{Crate, Id, Item, ItemEnum};

/// The paths of everything that has more than one, and what is handed on whole.
pub(crate) fn twice(docs: &Crate) -> Vec<String> {
    let mut found = Found { docs, paths: BTreeMap::new(), within: Vec::new(), wrong: Vec::new() };
    if let Some(root) = docs.index.get(&docs.root) {
        found.module(root, root.name.as_deref().unwrap_or_default());
    }
    let several = found.paths.into_values().filter(|paths| paths.len() > 1);
    found.wrong.extend(several.map(|paths| format!("one item, several paths: {}", paths.join(", "))));
    found.wrong
}

struct Found<'a> {
    docs: &'a Crate,
    /// By what the item is called where it was written, or by its number.
    paths: BTreeMap<String, Vec<String>>,
    /// The modules that are being looked through, which may name each other.
    within: Vec<Id>,
    wrong: Vec<String>,
}

impl<'a> Found<'a> {
    fn module(&mut self, module: &'a Item, path: &str) {
        let ItemEnum::Module(inner) = &module.inner else { return };
        if self.within.contains(&module.id) {
            return;
        }
        self.within.push(module.id);
        for item in inner.items.iter().filter_map(|id| self.docs.index.get(id)) {
            self.item(item, path);
        }
        self.within.pop();
    }

    fn item(&mut self, item: &'a Item, path: &str) {
        let ItemEnum::Use(import) = &item.inner else {
            // Implementations have no name, and stand with their types.
            if let Some(name) = &item.name {
                self.named(item, &format!("{path}::{name}"));
            }
            return;
        };
        let place = format!("{path}::{}", import.name);
        let Some(id) = import.id else { return };
        match (self.docs.index.get(&id), self.docs.paths.get(&id)) {
            (Some(target), _) if import.is_glob => self.module(target, path),
            (Some(target), _) => self.named(target, &place),
            (None, Some(foreign)) if foreign.kind == rustdoc_types::ItemKind::Module => {
                self.wrong.push(format!("{place} hands on all of {}: name what is meant", foreign.path.join("::")));
            }
            (None, Some(foreign)) => self.paths.entry(foreign.path.join("::")).or_default().push(place),
            (None, None) => {}
        }
    }

    fn named(&mut self, item: &'a Item, place: &str) {
        match &item.inner {
            ItemEnum::Module(_) => self.module(item, place),
            ItemEnum::Impl(_) => return,
            _ => {}
        }
        self.paths.entry(format!("{:?}", item.id)).or_default().push(place.to_owned());
    }
}
