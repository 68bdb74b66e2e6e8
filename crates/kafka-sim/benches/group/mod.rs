//! One group whose members all come at once, over the wire.

mod classic;
mod consumer;
mod wire;

pub use classic::classic;
pub use consumer::consumer;
