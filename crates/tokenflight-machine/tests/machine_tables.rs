//! The decision machine by examples: one test for each rule, named as the rule reads.

mod support;
mod tables;
