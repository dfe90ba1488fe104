//! Documents that are read, refused and compiled.

mod kit;

mod codes;
mod compiled;
mod formats;
mod fuzz;
mod kinds;
mod rules;
mod syntax;
