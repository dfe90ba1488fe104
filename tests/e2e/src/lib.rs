//! The program as its users meet it: nothing of it is linked here, the tests start it as a process.
