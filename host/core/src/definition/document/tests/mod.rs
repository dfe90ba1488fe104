//! Documents that are read, refused and compiled.

mod kit;

mod codes;
mod compiled;
mod formats;
mod fuzz;
mod kinds;
mod reuse;
mod rules;
mod strict;
mod syntax;
