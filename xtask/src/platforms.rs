//! Other systems than the one that tests run on: what is written for them compiles, where their
//! standard library is at hand.

use std::{path::Path, process::Command};

use crate::{cargo::Cargo, step::Report};

const TARGETS: [&str; 2] = ["x86_64-apple-darwin", "x86_64-pc-windows-gnu"];

pub(crate) fn run(report: &mut Report) {
    for target in TARGETS {
        let name = format!("platforms: {target}");
        match installed(target) {
            // Without the command line, whose TLS has parts in C.
            true => report.quiet(&name, &Cargo::new("check -p tokenflight-store-file --target").arg(target)),
            false => {
                let _: Option<()> =
                    report.attempt(&name, true, || Err("its standard library is not installed".to_owned()));
            }
        }
    }
}

fn installed(target: &str) -> bool {
    let output = Command::new("rustc").args(["--print", "target-libdir", "--target", target]).output();
    output.is_ok_and(|output| {
        output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
    })
}
