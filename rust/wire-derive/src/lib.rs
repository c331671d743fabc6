//! The derive macro that writes bounded encoders and decoders from version ranges on fields.
