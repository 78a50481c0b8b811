//! `cargo xtask proof telemetry-cost`: what the feature `tracing` adds to a request that has
//! nothing to tell, where nothing listens.

use crate::prelude::*;

/// So many instructions, at most: the compiler lays the same code out in another way.
const MORE: f64 = 5.0;

pub(crate) fn small() -> Result<(), String> {
    let without = counts::requests("")?;
    let with = counts::requests("tracing")?;
    println!("\n{:<34} {:>13} {:>13}", "instructions, with the client's", "without", "with");
    let mut dear = Vec::new();
    for ((name, without), (_, with)) in without.into_iter().zip(with) {
        println!("{name:<34} {without:>13.1} {with:>13.1}");
        if with - without > MORE {
            dear.push(format!("{name} costs {:.1} more", with - without));
        }
    }
    if dear.is_empty() { Ok(()) } else { Err(format!("at most {MORE} are allowed: {}", dear.join(", "))) }
}
