//! Runs one task in one fresh Wasm instance, under limits that each have a name.
