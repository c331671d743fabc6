//! The ottla command as a library.
