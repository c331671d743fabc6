//! Record batch v2: zero-copy view, validation, builder, control batches and compression.
