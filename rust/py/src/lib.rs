//! The Python module: the only crate that knows Python.
