#![doc = include_str!("../../docs/pitfalls.md")]
