//! The rules that the tree itself must keep. There is nothing here but tests: see `tests/`.
