//! The README's code is compiled with the tests.

#![doc = include_str!("../../../README.md")]
