//! `cargo xtask proof telemetry-cost`: what the feature `tracing` adds to a request that has
//! nothing to tell, where nothing listens.

use crate::prelude::*;

/// So many instructions, at most: the compiler lays the same code out in another way.
const MORE: f64 = 5.0;

pub(crate) fn small() -> Result<(), String> {
    let without = counts::requests("")?;
    let with = counts::requests("tracing")?;
    let (mut text, mut dear) = ("instructions, with the client's\twithout\twith\n".to_owned(), Vec::new());
    for ((name, without), (_, with)) in without.into_iter().zip(with) {
        text.push_str(&format!("{name}\t{without:.1}\t{with:.1}\n"));
        if with - without > MORE {
            dear.push(format!("{name} costs {:.1} more", with - without));
        }
    }
    columns::print(&text, &[]);
    if dear.is_empty() { Ok(()) } else { Err(format!("at most {MORE} are allowed: {}", dear.join(", "))) }
}
