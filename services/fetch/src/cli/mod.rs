//! The commands beside the service.

pub mod decode;
