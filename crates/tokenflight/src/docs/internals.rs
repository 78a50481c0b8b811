#![doc = include_str!("../../docs/internals.md")]
