//! Documents that are read, refused and compiled.

mod kit;

mod codes;
mod compiled;
mod delivery;
mod formats;
mod fuzz;
mod kinds;
mod reuse;
mod rules;
mod strict;
mod syntax;
